package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.generation.FinishReason;

/** FinishReason reasons of OpenAI's API. */
public final class FinishReasons {
  private FinishReasons() {}

  /** Returns {@code stop}, or {@code length} for every limit: tokens, context or time. */
  public static String finish(Completion completion) {
    return switch (completion.result().finish()) {
      case STOP -> "stop";
      case LENGTH, CONTEXT, TIMEOUT, CANCELED -> "length";
    };
  }

  /** Returns the reason of a chat's answer: {@code tool_calls} if a complete answer has calls. */
  public static String finish(Completion completion, boolean calls) {
    return calls && isComplete(completion) ? "tool_calls" : finish(completion);
  }

  /** Returns whether the answer is complete: the model ended it. */
  public static boolean isComplete(Completion completion) {
    return completion.result().finish() == FinishReason.STOP;
  }
}
