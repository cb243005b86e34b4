package dev.vidrio.cli.io;

import java.io.PrintStream;

/** A progress bar on standard error, if that is a terminal that can erase a line. */
public final class ProgressBar implements AutoCloseable {
  private static final int WIDTH = 30;
  private static final long REDRAW_NANOS = 100_000_000;

  private final PrintStream err;
  private final boolean visible;
  private final String label;
  private final long start = System.nanoTime();
  private long drawn;
  private boolean shown;

  /** Creates a bar that appears after 0.3 s. */
  public ProgressBar(String label) {
    this.err = System.err;
    this.visible = Terminal.ERR.isTerminal() && !"dumb".equals(System.getenv("TERM"));
    this.label = label;
  }

  /** Shows a fraction, 0 to 1, and a text after it. */
  public void update(double fraction, String text) {
    long now = System.nanoTime();
    if (!visible || now - start < 3 * REDRAW_NANOS || now - drawn < REDRAW_NANOS) {
      return;
    }
    drawn = now;
    shown = true;
    int full = (int) Math.round(Math.clamp(fraction, 0, 1) * WIDTH);
    err.printf(
        "\r\033[K\033[?7l%s [%s%s] %3.0f %% %s\033[?7h", // without line wrap, so that a narrow
        // terminal truncates
        label, "#".repeat(full), "-".repeat(WIDTH - full), 100 * fraction, text);
    err.flush();
  }

  /** Removes the bar. */
  @Override
  public void close() {
    if (shown) {
      err.print("\r\033[K");
      err.flush();
    }
  }
}
