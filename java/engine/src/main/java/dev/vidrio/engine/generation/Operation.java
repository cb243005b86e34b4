package dev.vidrio.engine.generation;

import java.util.Locale;

/** What a request is for, as OpenTelemetry's {@code gen_ai.operation.name} has it. */
public enum Operation {
  /** A turn of a conversation. */
  CHAT,
  /** A text is continued. */
  TEXT_COMPLETION;

  /** As metrics write it. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
