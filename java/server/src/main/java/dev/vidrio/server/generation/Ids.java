package dev.vidrio.server.generation;

import java.time.Instant;
import java.util.UUID;

/** Ids and creation times of answers. */
public final class Ids {
  private Ids() {}

  /** Returns a unique id with a prefix. */
  public static String next(String prefix) {
    return prefix + UUID.randomUUID().toString().replace("-", "");
  }

  /** Returns the time in seconds since 1970. */
  public static long now() {
    return Instant.now().getEpochSecond();
  }
}
