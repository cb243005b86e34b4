package dev.vidrio.engine.generation;

import java.util.Locale;

/** The kind of a request, a value of OpenTelemetry's {@code gen_ai.operation.name}. */
public enum Operation {
  /** A turn of a conversation. */
  CHAT,
  /** The continuation of a text. */
  TEXT_COMPLETION;

  /** Returns the value in metrics. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
