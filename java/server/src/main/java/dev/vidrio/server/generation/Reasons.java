package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;

/** Why answers ended, in OpenAI's words. */
public final class Reasons {
  private Reasons() {}

  /** {@code stop}, or {@code length} for every limit: of tokens, context and time. */
  public static String finish(Completion completion) {
    return switch (completion.result().finish()) {
      case STOP -> "stop";
      case LENGTH, CONTEXT, TIMEOUT, CANCELED -> "length";
    };
  }
}
