package dev.vidrio.server;

import java.time.Instant;
import java.util.UUID;

/** Names of answers. */
final class Ids {
  private Ids() {}

  /** A name that no other answer has. */
  static String next(String prefix) {
    return prefix + UUID.randomUUID().toString().replace("-", "");
  }

  /** Seconds since 1970. */
  static long now() {
    return Instant.now().getEpochSecond();
  }
}
