package dev.vidrio.cli.option;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.io.Units;
import dev.vidrio.hub.ModelReference;
import dev.vidrio.hub.ModelStore;
import dev.vidrio.hub.source.ModelSource;
import dev.vidrio.hub.source.ProgressListener;
import java.nio.file.Path;
import java.util.Locale;

/** Pulls models into the user's store, with a progress bar. */
public final class ModelPull {
  private ModelPull() {}

  /** Pulls a missing model after the user confirms it on a terminal. */
  static Path offer(ModelStore store, ModelReference reference) {
    String missing = reference + " is not on this machine";
    if (!Terminal.IN.isTerminal() || !Terminal.ERR.isTerminal()) {
      throw new CommandException(missing + ": run 'vidrio pull " + reference + "' first");
    }
    System.err.print("vidrio: " + missing + size(reference) + ". Pull it? [Y/n] ");
    System.err.flush();
    String answer = InputOutput.readLine();
    if (answer == null || !answer.strip().toLowerCase(Locale.ROOT).matches("|y|yes")) {
      throw new CommandException(missing);
    }
    return pull(store, reference);
  }

  private static String size(ModelReference reference) {
    return reference instanceof ModelReference.Named(var entry)
        ? " (" + Units.bytes(entry.bytes()) + ", " + entry.license() + ")"
        : "";
  }

  /** Pulls a model, resuming an interrupted download. */
  public static Path pull(ModelStore store, ModelReference reference) {
    try (var bar = new ProgressBar("pulling " + reference)) {
      return store.pull(reference, new Listener(bar));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandException("interrupted; the next pull resumes here", e);
    }
  }

  /** Shows rate and remaining time. */
  private static final class Listener implements ProgressListener {
    private final ProgressBar bar;
    private long phaseStart;
    private long startBytes;
    private Phase current = Phase.WAITING;

    Listener(ProgressBar bar) {
      this.bar = bar;
    }

    @Override
    public void onProgress(Phase phase, long done, long total) {
      long now = System.nanoTime();
      if (phase != current || done < startBytes) {
        current = phase;
        phaseStart = now;
        startBytes = done;
      }
      double rate = (done - startBytes) / Math.max(1e-3, (now - phaseStart) / 1e9);
      var text = new StringBuilder(phase.name().toLowerCase(Locale.ROOT));
      if (done > 0) {
        text.append(' ').append(Units.bytes(done)).append(", ").append(Units.perSecond(rate, "B"));
      }
      if (total > 0 && rate > 0) {
        text.append(String.format(", %.0f s left", (total - done) / rate));
      }
      bar.update(total > 0 ? (double) done / total : 0, text.toString());
    }

    @Override
    public void onNextSource(ModelSource next, String reason) {
      bar.close();
      System.err.println("vidrio: " + reason + "; trying " + next.label());
    }
  }
}
