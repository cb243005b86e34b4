package dev.vidrio.server.http;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Looks after the replies that are being written: one thread for all, which never writes. */
final class ResponseMonitor implements AutoCloseable {
  private final Duration writeTime;
  private final Duration heartbeat;
  private final Set<Response> replies = ConcurrentHashMap.newKeySet();
  private final Thread thread;

  ResponseMonitor(Duration writeTime, Duration heartbeat) {
    this.writeTime = writeTime;
    this.heartbeat = heartbeat;
    this.thread = Thread.ofPlatform().daemon().name("vidrio-replies").start(this::run);
  }

  void add(Response reply) {
    replies.add(reply);
  }

  void remove(Response reply) {
    replies.remove(reply);
  }

  private void run() {
    long tick = Math.clamp(Math.min(writeTime.toMillis(), heartbeat.toMillis()) / 4, 1, 1000);
    try {
      while (true) {
        Thread.sleep(tick);
        long now = System.nanoTime();
        for (Response reply : replies) {
          reply.check(now, writeTime, heartbeat);
        }
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
