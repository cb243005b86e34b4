package dev.vidrio.server.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The response to a request. Any thread may write; the bytes of one call stay together.
 *
 * <p>{@linkplain #startHeartbeats Heartbeats} are sent while a client waits. They reveal a client
 * that has disconnected or stopped reading: its connection is closed and its work canceled.
 */
public final class Response {
  private static final int CHUNKED = 0;
  private static final int NO_BODY = -1;

  /**
   * Maximum bytes of a write, so that a slow client that reads is not mistaken for one that does
   * not.
   */
  private static final int MAX_WRITE = 1 << 16;

  private final HttpExchange http;
  private final ResponseMonitor monitor;
  private final ReentrantLock writing = new ReentrantLock();

  // Set before the monitor has this response.
  private String contentType = "";
  private byte[] heartbeat = {};
  private Runnable onDisconnect = () -> {};

  // Guarded by `writing`.
  private @Nullable OutputStream body;
  private int status;

  // Guarded by this.
  private @Nullable Thread writer;
  private long since;
  private boolean aborted;
  private boolean beating;
  private boolean ended;

  private volatile boolean disconnected;

  Response(HttpExchange http, ResponseMonitor monitor) {
    this.http = http;
    this.monitor = monitor;
    this.since = System.nanoTime();
  }

  /** Sets a header; without effect after the headers have been sent. */
  public void header(String name, String value) {
    writing.lock(); // a heartbeat may be sending the headers
    try {
      http.getResponseHeaders().set(name, value);
    } finally {
      writing.unlock();
    }
  }

  /**
   * Returns the final status, even if heartbeats had already sent 200, or 0 if there is none yet.
   */
  int status() {
    return status;
  }

  /** Returns whether the client has disconnected or was disconnected. */
  boolean isDisconnected() {
    return disconnected || isAborted();
  }

  /**
   * Starts to send heartbeats, which begin the response with status 200.
   *
   * @param type the content type
   * @param beat bytes that are insignificant in this content type
   * @param action runs once when a write finds that the client has disconnected
   */
  void startHeartbeats(String type, byte[] beat, Runnable action) {
    contentType = type;
    heartbeat = beat;
    onDisconnect = action;
    monitor.add(this);
  }

  /**
   * Sends bytes, after status 200 and headers if none were sent.
   *
   * @param flush if false, the bytes are buffered until the next ones are sent
   */
  void send(byte[] bytes, boolean flush) throws IOException {
    writing.lock();
    try {
      if (disconnected) {
        throw new IOException("the client has disconnected");
      }
      write(bytes, flush);
    } finally {
      writing.unlock();
    }
  }

  private void write(byte[] bytes, boolean flush) throws IOException {
    try {
      enter();
      OutputStream out = body;
      if (out == null) {
        out = begin(200, contentType, CHUNKED);
      }
      for (int from = 0; from < bytes.length; from += MAX_WRITE) {
        enter(); // restarts the timeout: the last write has been read
        out.write(bytes, from, Math.min(MAX_WRITE, bytes.length - from));
      }
      if (flush) {
        out.flush();
      }
    } catch (IOException e) {
      disconnected = true;
      onDisconnect.run();
      throw e;
    } finally {
      leave();
    }
  }

  private OutputStream begin(int code, String type, long length) throws IOException {
    header("Content-Type", type);
    status = code;
    http.sendResponseHeaders(code, length);
    OutputStream out = http.getResponseBody();
    body = out;
    return out;
  }

  /** Ends a response of several writes. */
  void end() throws IOException {
    writing.lock();
    try {
      send(new byte[0], true);
      close();
    } finally {
      writing.unlock();
      endHeartbeats();
    }
  }

  /**
   * Sends a whole response, after heartbeats if there were any.
   *
   * @throws IOException if the client has disconnected, or another status was already sent
   */
  public void finish(int code, String type, byte[] bytes) throws IOException {
    writing.lock();
    try {
      stopHeartbeats();
      monitor.add(this); // to detect a client that does not read
      if (body == null) {
        sendHead(code, type, bytes.length);
      }
      int sent = status;
      status = code;
      if (code != sent) {
        throw new IOException("status " + code + ": too late, " + sent + " was sent");
      }
      if (!isBare(bytes.length)) {
        send(bytes, true);
        close();
      }
    } finally {
      writing.unlock();
      endHeartbeats();
    }
  }

  private boolean isBare(int length) {
    return length == 0 || http.getRequestMethod().equals("HEAD");
  }

  private void sendHead(int code, String type, int length) throws IOException {
    enter();
    try {
      var _ = begin(code, type, isBare(length) ? NO_BODY : length);
    } finally {
      leave();
    }
  }

  /** Ends the response, after which the connection may be reused. */
  private void close() throws IOException {
    enter();
    try {
      http.close();
    } finally {
      leave();
    }
    if (isAborted()) {
      throw new IOException("the client does not read");
    }
  }

  private synchronized boolean isAborted() {
    return aborted;
  }

  /** Stops heartbeats and write timeouts. */
  void endHeartbeats() {
    stopHeartbeats();
    monitor.remove(this);
  }

  private synchronized void stopHeartbeats() {
    ended = true;
  }

  /** Starts the timeout of a write. Fails after an abort, since the next write could block. */
  private synchronized void enter() throws IOException {
    if (aborted) {
      throw new IOException("the client does not read");
    }
    writer = Thread.currentThread();
    since = System.nanoTime();
  }

  private synchronized void leave() {
    writer = null;
    since = System.nanoTime();
    if (aborted) {
      // The interrupt was only meant for the write.
      var _ = Thread.interrupted();
    }
  }

  /** Aborts a blocked write or sends a heartbeat; called regularly by the monitor. */
  synchronized void check(long now, Duration writeTime, Duration heartbeatTime) {
    Thread blocked = writer;
    if (blocked != null) {
      if (!aborted && now - since > writeTime.toNanos()) {
        aborted = true;
        // Interrupting a write to a channel closes the channel.
        blocked.interrupt();
      }
    } else if (!ended && !beating && !disconnected && now - since > heartbeatTime.toNanos()) {
      beating = true;
      var _ = Thread.ofVirtual().name("vidrio-heartbeat").start(this::beat);
    }
  }

  private void beat() {
    writing.lock();
    try {
      if (!isEnded()) {
        send(heartbeat, true);
      }
    } catch (IOException e) {
      // The work is canceled, and its thread will find the client disconnected.
    } finally {
      writing.unlock();
      synchronized (this) {
        beating = false;
      }
    }
  }

  private synchronized boolean isEnded() {
    return ended;
  }
}
