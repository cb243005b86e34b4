package dev.vidrio.cli.generation;

import dev.vidrio.cli.io.JsonObject;

/** A continuation of a prompt. */
public interface Continuation {
  /** Prints the text after a prompt. */
  void print(int[] prompt);

  /** Returns text, token ids, log-probabilities and timings. */
  JsonObject toJson(int[] prompt);
}
