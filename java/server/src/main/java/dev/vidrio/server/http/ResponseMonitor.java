package dev.vidrio.server.http;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Checks the responses in progress for heartbeats and blocked writes. One thread serves all
 * responses and never writes itself.
 */
final class ResponseMonitor implements AutoCloseable {
  private final Duration writeTime;
  private final Duration heartbeat;
  private final Set<Response> replies = ConcurrentHashMap.newKeySet();
  private final Thread thread;

  ResponseMonitor(Duration writeTime, Duration heartbeat) {
    this.writeTime = writeTime;
    this.heartbeat = heartbeat;
    this.thread = Thread.ofPlatform().daemon().name("vidrio-responses").start(this::run);
  }

  void add(Response response) {
    replies.add(response);
  }

  void remove(Response response) {
    replies.remove(response);
  }

  private void run() {
    long tick = Math.clamp(Math.min(writeTime.toMillis(), heartbeat.toMillis()) / 4, 1, 1000);
    try {
      while (true) {
        Thread.sleep(tick);
        long now = System.nanoTime();
        for (Response response : replies) {
          response.check(now, writeTime, heartbeat);
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
