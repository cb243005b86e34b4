package dev.vidrio.model;

import dev.vidrio.template.ThoughtMarks;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Tells a thought at the beginning of an answer from what follows, as the answer comes. White space
 * around the thought belongs to its marks. For one answer and one thread.
 */
final class ThoughtReader {
  private enum State {
    /** What may become a mark that begins a thought. */
    BEGINNING,
    THOUGHT,
    /** White space behind a thought. */
    BEHIND,
    ANSWER
  }

  private final @Nullable ThoughtMarks marks;
  private final boolean begun;
  private final StringBuilder rest = new StringBuilder();
  private final StringBuilder thought = new StringBuilder();
  private State state;
  private int shown;

  /**
   * Starts an answer.
   *
   * @param marks of the model; null where there is nothing to tell
   * @param begun whether the prompt has begun a thought
   */
  ThoughtReader(@Nullable ThoughtMarks marks, boolean begun) {
    this.marks = marks;
    this.begun = begun;
    this.state = marks == null ? State.ANSWER : State.BEGINNING;
  }

  /** Whether a thought has begun and not ended. */
  boolean thinks() {
    return state == State.THOUGHT || (state == State.BEGINNING && begun);
  }

  /** Whether a thought has ended, and nothing of the answer has come. */
  boolean isBehind() {
    return state == State.BEHIND;
  }

  /** Takes what comes next, and returns what of it belongs to the answer. */
  String accept(String piece) {
    if (state == State.ANSWER || marks == null) {
      return piece;
    }
    rest.append(piece);
    if (state == State.BEGINNING) {
      begin(marks.open());
    }
    if (state == State.THOUGHT) {
      think(marks.close());
    }
    if (state == State.BEHIND) {
      String behind = rest.toString().stripLeading();
      rest.setLength(0);
      state = behind.isEmpty() ? State.BEHIND : State.ANSWER;
      return behind;
    }
    return state == State.ANSWER ? takeRest() : "";
  }

  private void begin(String open) {
    String text = rest.toString().stripLeading();
    if (text.startsWith(open)) {
      rest.delete(0, rest.length() - text.length() + open.length());
      state = State.THOUGHT;
    } else if (!open.startsWith(text)) {
      state = begun ? State.THOUGHT : State.ANSWER;
    }
  }

  private void think(String close) {
    int end = rest.indexOf(close);
    if (end >= 0) {
      append(rest.substring(0, end).stripTrailing());
      rest.delete(0, end + close.length());
      state = State.BEHIND;
      return;
    }
    int free = rest.length() - StopText.heldBack(rest, List.of(close));
    while (free > 0 && Character.isWhitespace(rest.charAt(free - 1))) {
      free--;
    }
    append(rest.substring(0, free));
    rest.delete(0, free);
  }

  private void append(String piece) {
    thought.append(thought.isEmpty() ? piece.stripLeading() : piece);
  }

  private String takeRest() {
    String all = rest.toString();
    rest.setLength(0);
    return all;
  }

  /** The thought that came since this was asked last. */
  String newThought() {
    String piece = thought.substring(shown);
    shown = thought.length();
    return piece;
  }

  /** The thought so far. */
  String thought() {
    return thought.toString();
  }

  /**
   * Ends the answer, and returns what of what was held back belongs to it.
   *
   * @param cut whether the model had not ended it: then the beginning of a mark is a thought's
   */
  String finish(boolean cut) {
    if (cut && state == State.BEGINNING && !rest.toString().isBlank()) {
      rest.setLength(begun ? rest.length() : 0);
      state = State.THOUGHT;
    }
    if (thinks()) {
      append(takeRest().stripTrailing());
    }
    return takeRest();
  }
}
