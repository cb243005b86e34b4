package dev.vidrio.cli.generation;

import java.util.Map;

/** What comes after a prompt. */
public interface Continuation {
  /** Prints the text. */
  void print(int[] prompt);

  /** Everything about it. */
  Map<String, Object> toJson(int[] prompt);
}
