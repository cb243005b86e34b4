package dev.vidrio.model.chat;

import dev.vidrio.model.generation.PartialMatch;
import dev.vidrio.template.ReasoningMarkers;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Separates the reasoning at the beginning of an answer from the text after it, incrementally.
 * White space around the reasoning is dropped with its marks. For one answer; not thread-safe.
 */
final class ReasoningReader {
  private enum State {
    /** The text so far may become the opening mark. */
    BEGINNING,
    REASONING,
    /** White space after the reasoning. */
    AFTER_REASONING,
    ANSWER
  }

  private final @Nullable ReasoningMarkers markers;
  private final boolean begun;
  private final StringBuilder rest = new StringBuilder();
  private final StringBuilder reasoning = new StringBuilder();

  /** The number of characters of the rest that are known to be white space: all before others. */
  private int space;

  private State state;

  /**
   * Creates a reader of one answer.
   *
   * @param markers the model's markers of reasoning, or null if it has none
   * @param begun if true, the prompt ends with the opening mark
   */
  ReasoningReader(@Nullable ReasoningMarkers markers, boolean begun) {
    this.markers = markers;
    this.begun = begun;
    this.state = markers == null ? State.ANSWER : State.BEGINNING;
  }

  /** Returns whether reasoning has begun and not ended. */
  boolean isReasoning() {
    return state == State.REASONING || (state == State.BEGINNING && begun);
  }

  /** Returns whether reasoning has ended and no text of the answer has followed. */
  boolean isAfterReasoning() {
    return state == State.AFTER_REASONING;
  }

  /** Adds text and returns the part of it that belongs to the answer. */
  String accept(String piece) {
    if (state == State.ANSWER || markers == null) {
      return piece;
    }
    rest.append(piece);
    if (state == State.BEGINNING) {
      begin(markers.open(), markers.ends());
    }
    if (state == State.REASONING) {
      readReasoning(markers.ends());
    }
    if (state == State.AFTER_REASONING) {
      String after = takeRest().stripLeading();
      state = after.isEmpty() ? State.AFTER_REASONING : State.ANSWER;
      return after;
    }
    return state == State.ANSWER ? takeRest() : "";
  }

  private void begin(String open, List<String> ends) {
    while (space < rest.length() && Character.isWhitespace(rest.charAt(space))) {
      space++;
    }
    String text = rest.substring(space);
    if (ends.stream().anyMatch(text::startsWith)) {
      state = State.REASONING;
      return;
    }
    if (text.startsWith(open)) {
      drop(space + open.length());
      state = State.REASONING;
    } else if (!open.startsWith(text) && ends.stream().noneMatch(end -> end.startsWith(text))) {
      state = begun ? State.REASONING : State.ANSWER;
    }
  }

  private void readReasoning(List<String> ends) {
    int first = rest.length();
    int length = 0;
    for (String end : ends) {
      int found = rest.indexOf(end, space - end.length());
      if (found >= 0 && found < first) {
        first = found;
        length = end.length();
      }
    }
    if (length > 0) {
      append(rest.substring(0, first).stripTrailing());
      drop(first + length);
      state = State.AFTER_REASONING;
      return;
    }
    int end = rest.length() - PartialMatch.length(rest, ends);
    int free = end;
    while (free > space && Character.isWhitespace(rest.charAt(free - 1))) {
      free--;
    }
    if (free > space) {
      append(rest.substring(0, free));
      drop(free);
    }
    space = end - (free > space ? free : 0);
  }

  private void drop(int length) {
    rest.delete(0, length);
    space = Math.max(0, space - length);
  }

  private void append(String piece) {
    reasoning.append(reasoning.isEmpty() ? piece.stripLeading() : piece);
  }

  private String takeRest() {
    String all = rest.toString();
    rest.setLength(0);
    space = 0;
    return all;
  }

  /** Returns a part of the reasoning so far. */
  String reasoning(int from, int to) {
    return reasoning.substring(from, to);
  }

  /** Returns the length of the reasoning so far. */
  int length() {
    return reasoning.length();
  }

  /** Returns where a text begins in the reasoning, from an index on; -1 if it does not occur. */
  int find(String text, int from) {
    return reasoning.indexOf(text, Math.max(0, from));
  }

  /** Drops the reasoning after a length: a call. */
  void limit(int length) {
    reasoning.setLength(Math.min(length, reasoning.length()));
  }

  /**
   * Ends the answer and returns the held-back text that belongs to it.
   *
   * @param cut if true, the model had not ended the answer, and a partial mark counts as reasoning
   */
  String finish(boolean cut) {
    if (cut && state == State.BEGINNING && !rest.toString().isBlank()) {
      rest.setLength(begun ? rest.length() : 0);
      state = State.REASONING;
    }
    if (isReasoning()) {
      append(takeRest().stripTrailing());
    }
    return takeRest();
  }
}
