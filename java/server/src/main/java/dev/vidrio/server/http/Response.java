package dev.vidrio.server.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The answer to one request. Any thread may write; what one call writes stays together and is sent
 * at once.
 *
 * <p>While a client {@linkplain #whileWaiting waits}, it is sent a heartbeat now and then. A client
 * that has gone or does not read is found when something is written to it: then the connection is
 * cut and the work for it called off.
 */
public final class Response {
  private static final int CHUNKED = 0;
  private static final int NO_BODY = -1;

  /** Bytes that a client that reads takes well within the time that it has for one. */
  private static final int PIECE = 1 << 16;

  private final HttpExchange http;
  private final ResponseMonitor watch;
  private final ReentrantLock writing = new ReentrantLock();

  // Set before the watch sees this reply.
  private String contentType = "";
  private byte[] heartbeat = {};
  private Runnable onGone = () -> {};

  // Guarded by `writing`.
  private @Nullable OutputStream body;
  private int status;

  // Guarded by this.
  private @Nullable Thread writer;
  private long since;
  private boolean cut;
  private boolean beating;
  private boolean ended;

  private volatile boolean gone;

  Response(HttpExchange http, ResponseMonitor watch) {
    this.http = http;
    this.watch = watch;
    this.since = System.nanoTime();
  }

  public void header(String name, String value) {
    writing.lock(); // a heartbeat may be sending the others
    try {
      http.getResponseHeaders().set(name, value);
    } finally {
      writing.unlock();
    }
  }

  /** The status of the answer, also where another was sent before; 0 where there is none. */
  int status() {
    return status;
  }

  /** Whether the client has gone, or was cut off. */
  boolean isGone() {
    return gone || isCut();
  }

  /**
   * Sends heartbeats from now on, with status 200.
   *
   * @param type of the content that they precede
   * @param beat bytes without meaning there
   * @param action is run once when the client is found to have gone
   */
  void whileWaiting(String type, byte[] beat, Runnable action) {
    contentType = type;
    heartbeat = beat;
    onGone = action;
    watch.add(this);
  }

  /** Sends the status 200 if nothing was sent yet, then these bytes. */
  void write(byte[] bytes, int length) throws IOException {
    writing.lock();
    try {
      send(bytes, length, true);
    } finally {
      writing.unlock();
    }
  }

  /** The same, but that the bytes may wait for the next ones. */
  void append(byte[] bytes, int length) throws IOException {
    writing.lock();
    try {
      send(bytes, length, false);
    } finally {
      writing.unlock();
    }
  }

  private void send(byte[] bytes, int length, boolean atOnce) throws IOException {
    if (gone) {
      throw new IOException("the client has gone");
    }
    try {
      enter();
      OutputStream out = body;
      if (out == null) {
        out = begin(200, contentType, CHUNKED);
      }
      for (int from = 0; from < length; from += PIECE) {
        enter(); // what was taken before shows that the client reads
        out.write(bytes, from, Math.min(PIECE, length - from));
      }
      if (atOnce) {
        out.flush();
      }
    } catch (IOException e) {
      gone = true;
      onGone.run();
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

  /** Ends an answer that was written piece by piece. */
  void end() throws IOException {
    writing.lock();
    try {
      send(new byte[0], 0, true);
      close();
    } finally {
      writing.unlock();
      endBeats();
    }
  }

  /**
   * Sends a whole answer, after heartbeats where there were any.
   *
   * @throws IOException when the client has gone, or was told another status already
   */
  public void finish(int code, String type, byte[] bytes) throws IOException {
    writing.lock();
    try {
      stopBeats();
      watch.add(this); // for a client that does not read
      if (body == null) {
        sendHead(code, type, bytes.length);
      }
      int sent = status;
      status = code;
      if (code != sent) {
        throw new IOException("status " + code + " comes too late, after " + sent);
      }
      if (!isBare(bytes.length)) {
        send(bytes, bytes.length, true);
        close();
      }
    } finally {
      writing.unlock();
      endBeats();
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

  /** Writes what ends the answer, after which the connection takes the next request. */
  private void close() throws IOException {
    enter();
    try {
      http.close();
    } finally {
      leave();
    }
    if (isCut()) {
      throw new IOException("the client does not read");
    }
  }

  private synchronized boolean isCut() {
    return cut;
  }

  /** Sends no more heartbeats: the answer has ended, or nobody waits for one any more. */
  void endBeats() {
    stopBeats();
    watch.remove(this);
  }

  private synchronized void stopBeats() {
    ended = true;
  }

  /** Who was cut off after all of a write had gone finds the next one refused: it could block. */
  private synchronized void enter() throws IOException {
    if (cut) {
      throw new IOException("the client does not read");
    }
    writer = Thread.currentThread();
    since = System.nanoTime();
  }

  private synchronized void leave() {
    writer = null;
    since = System.nanoTime();
    if (cut) {
      // The interrupt was for the write alone.
      var _ = Thread.interrupted();
    }
  }

  /** Looks after the reply; the watch calls it now and then. */
  synchronized void check(long now, Duration writeTime, Duration heartbeatTime) {
    Thread blocked = writer;
    if (blocked != null) {
      if (!cut && now - since > writeTime.toNanos()) {
        cut = true;
        // A write to a channel that is interrupted closes the channel.
        blocked.interrupt();
      }
    } else if (!ended && !beating && !gone && now - since > heartbeatTime.toNanos()) {
      beating = true;
      var _ = Thread.ofVirtual().name("vidrio-heartbeat").start(this::beat);
    }
  }

  private void beat() {
    writing.lock();
    try {
      if (!isEnded()) {
        send(heartbeat, heartbeat.length, true);
      }
    } catch (IOException e) {
      // The work has been called off, and the thread that does it will find the client gone.
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
