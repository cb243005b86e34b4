package dev.vidrio.fuzz;

import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.jspecify.annotations.Nullable;

/**
 * Receives the log of servers in this process instead of printing it: keeps exceptions, and lines
 * that would be several.
 */
final class ServerLog extends Handler {
  private final Logger logger = Logger.getLogger("dev.vidrio.server");
  private final Formatter formatter = new SimpleFormatter();
  private final AtomicReference<@Nullable Throwable> exception = new AtomicReference<>();
  private final AtomicReference<@Nullable String> forged = new AtomicReference<>();

  /** Begins to receive the lines. */
  ServerLog() {
    logger.setUseParentHandlers(false);
    logger.addHandler(this);
  }

  /** Returns the last exception since the last call, or null if there was none. */
  @Nullable Throwable takeException() {
    return exception.getAndSet(null);
  }

  /** Returns the last line with control characters since the last call, or null for none. */
  @Nullable String takeForged() {
    return forged.getAndSet(null);
  }

  @Override
  public void publish(LogRecord entry) {
    if (entry.getLevel().intValue() < Level.INFO.intValue()) {
      return;
    }
    if (entry.getThrown() != null) {
      exception.set(entry.getThrown());
    }
    String line = formatter.formatMessage(entry);
    if (line.codePoints().anyMatch(Character::isISOControl)) {
      forged.set(line);
    }
  }

  @Override
  public void flush() {}

  @Override
  public void close() {
    logger.removeHandler(this);
  }
}
