package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.generation.FinishReason;

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

  /** The same of an answer in a chat: {@code tool_calls} where one that is whole calls tools. */
  public static String finish(Completion completion, boolean calls) {
    return calls && isWhole(completion) ? "tool_calls" : finish(completion);
  }

  /** Whether the model itself ended the answer. */
  public static boolean isWhole(Completion completion) {
    return completion.result().finish() == FinishReason.STOP;
  }
}
