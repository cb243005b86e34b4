package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.text.WorkLimit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A regular expression compiled to a deterministic automaton with the match priorities of a
 * backtracking matcher (Cox, Regular Expression Matching in the Wild, 2010): of the matches that
 * begin at a position, it finds the one that trying alternatives in order would find, and reads
 * each character once.
 *
 * <p>A state is a list of program instructions, highest priority first. Lookahead is decided when
 * the next character is read, so a match is detected one character late.
 */
final class Automaton {

  private static final int MAX_STATES = 4000;
  private static final int DEAD = 0;
  private static final int START = 1;

  private final CharClasses classes;
  private final int columns;
  private final int end;

  /**
   * For each state and class, the next state in the upper bits and whether a match ends here in bit
   * 0.
   */
  private final int[] table;

  /**
   * Compiles an expression.
   *
   * @throws IllegalArgumentException if the automaton is too large
   */
  Automaton(Regex regex) {
    RegexProgram program = new RegexProgram(regex);
    classes = new CharClasses(program.sets);
    end = classes.size();
    columns = end + 1;
    table = build(program);
  }

  private int[] build(RegexProgram program) {
    Map<List<Integer>, Integer> states = new HashMap<>();
    Deque<List<Integer>> queue = new ArrayDeque<>(List.of(List.of(), List.of(program.start)));
    states.put(List.of(), DEAD);
    states.put(List.of(program.start), START);
    List<int[]> rows = new ArrayList<>();
    while (!queue.isEmpty()) {
      List<Integer> state = queue.remove();
      int[] row = new int[columns];
      for (int c = 0; c < columns; c++) {
        Step step = new Step(program, c);
        state.forEach(step::follow);
        Integer known = states.putIfAbsent(step.next, states.size());
        if (known == null) {
          queue.add(step.next);
        }
        row[c] = (states.get(step.next) << 1) | (step.matched ? 1 : 0);
      }
      rows.add(row);
      if (states.size() > MAX_STATES) {
        throw new IllegalArgumentException("has more than " + MAX_STATES + " states");
      }
    }
    return rows.stream().flatMapToInt(Arrays::stream).toArray();
  }

  /** Computes the successor of a state for a character class. */
  private final class Step {
    private final RegexProgram program;
    private final int charClass;
    private final BitSet seen = new BitSet();
    private final List<Integer> next = new ArrayList<>();
    private boolean matched;

    private Step(RegexProgram program, int charClass) {
      this.program = program;
      this.charClass = charClass;
    }

    /** Follows an instruction unless a match of higher priority has ended the state. */
    private void follow(int from) {
      Deque<Integer> todo = new ArrayDeque<>(List.of(from));
      while (!todo.isEmpty() && !matched) {
        int instruction = todo.pop();
        if (seen.get(instruction)) {
          continue;
        }
        seen.set(instruction);
        switch (program.instructions.get(instruction)) {
          case RegexProgram.Split(int first, int second) -> {
            todo.push(second);
            todo.push(first);
          }
          case RegexProgram.Lookahead(int set, boolean orEnd, int then) -> {
            if (charClass == end ? orEnd : classes.isIn(charClass, set)) {
              todo.push(then);
            }
          }
          case RegexProgram.OneOf(int set, int then) -> {
            if (charClass != end && classes.isIn(charClass, set) && !next.contains(then)) {
              next.add(then);
            }
          }
          case RegexProgram.Match() -> matched = true;
        }
      }
    }
  }

  /**
   * The trace of a search that ended without a longer match: another search that reaches the same
   * state at the same position cannot succeed either. This keeps a run of failing positions linear.
   *
   * @param from the position after the last match, or the start
   * @param states the state after each byte, 0 within a character
   */
  record Failure(int from, List<Integer> states) {

    static final Failure NONE = new Failure(0, List.of());

    private boolean includes(int pos, int state) {
      int index = pos - from;
      return index >= 0 && index < states.size() && states.get(index) == state;
    }
  }

  /**
   * Returns the trace of a search from {@code start}.
   *
   * @param from the position after the last match, or the start
   */
  Failure failure(byte[] text, int start, int from, int limit) {
    List<Integer> states = new ArrayList<>();
    int state = START;
    for (int pos = start; pos < limit && state != DEAD; ) {
      int length = Utf8.lengthAt(text, pos, limit);
      if (pos >= from) {
        states.add(state);
        states.addAll(Collections.nCopies(length - 1, DEAD));
      }
      state = table[state * columns + classAt(text, pos, limit)] >> 1;
      pos += length;
    }
    return new Failure(from, states);
  }

  /**
   * Returns the end of the match that begins at {@code start}, or −1 if there is none.
   *
   * @param failure states known to fail
   * @param work counts the bytes read
   */
  int endOfMatch(byte[] text, int start, int limit, Failure failure, WorkLimit work) {
    int state = START;
    int found = -1;
    int pos = start;
    while (state != DEAD && !failure.includes(pos, state)) {
      boolean more = pos < limit;
      int next = table[state * columns + (more ? classAt(text, pos, limit) : end)];
      if ((next & 1) != 0) {
        found = pos;
      }
      if (!more) {
        break;
      }
      state = next >> 1;
      pos += Utf8.lengthAt(text, pos, limit);
    }
    work.add(pos - start + 1);
    return found;
  }

  private int classAt(byte[] text, int pos, int limit) {
    return classes.of(Utf8.codePointAt(text, pos, limit));
  }
}
