package dev.vidrio.cli.generation;

import java.util.Map;

/** A continuation of a prompt. */
public interface Continuation {
  /** Prints the text after a prompt. */
  void print(int[] prompt);

  /** Returns text, token ids, log-probabilities and timings. */
  Map<String, Object> toJson(int[] prompt);
}
