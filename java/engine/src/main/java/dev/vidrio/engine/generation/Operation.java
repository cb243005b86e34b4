package dev.vidrio.engine.generation;

import java.util.Locale;

/** The kind of a request, as in OpenTelemetry's {@code gen_ai.operation.name}. */
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
