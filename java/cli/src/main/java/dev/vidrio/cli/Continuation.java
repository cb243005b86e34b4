package dev.vidrio.cli;

import java.util.Map;

/** What comes after a prompt. */
interface Continuation {
  /** Prints the text. */
  void print(int[] prompt);

  /** Everything about it. */
  Map<String, Object> toJson(int[] prompt);
}
