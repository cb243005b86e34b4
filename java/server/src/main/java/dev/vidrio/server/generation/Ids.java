package dev.vidrio.server.generation;

import java.time.Instant;
import java.util.UUID;

/** Names of answers. */
public final class Ids {
  private Ids() {}

  /** A name that no other answer has. */
  public static String next(String prefix) {
    return prefix + UUID.randomUUID().toString().replace("-", "");
  }

  /** Seconds since 1970. */
  public static long now() {
    return Instant.now().getEpochSecond();
  }
}
