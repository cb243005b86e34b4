package dev.vidrio.server.http;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/** Captures the access log while it is open. */
final class AccessLog extends Handler implements AutoCloseable {
  private final Logger logger = Logger.getLogger("dev.vidrio.server.access");
  private final BlockingQueue<LogRecord> records = new LinkedBlockingQueue<>();

  AccessLog() {
    logger.setLevel(Level.FINE);
    logger.addHandler(this);
  }

  /** Waits for the next line and returns it without the time and the request id. */
  String line() throws InterruptedException {
    LogRecord record = records.take();
    String text = new SimpleFormatter().formatMessage(record);
    return record.getLevel() + " " + text.replaceFirst(" \\d+ ms [0-9a-f-]{36}$", "");
  }

  @Override
  public void publish(LogRecord record) {
    records.add(record);
  }

  @Override
  public void flush() {}

  @Override
  public void close() {
    logger.removeHandler(this);
    logger.setLevel(null);
  }
}
