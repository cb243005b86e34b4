package dev.vidrio.tokenizer.regex;

import dev.vidrio.tokenizer.text.CharSet;
import java.util.ArrayList;
import java.util.List;

/** A regular expression as a graph of instructions (Thompson 1968), built from the end. */
final class RegexProgram {

  private static final int MAX_INSTRUCTIONS = 20_000;

  /** An instruction of the program. */
  sealed interface Instruction {}

  /** Continues at two instructions, the first with the higher priority. */
  record Split(int first, int second) implements Instruction {}

  /** Continues if the next character is in a set, without consuming it. */
  record Lookahead(int set, boolean orEnd, int then) implements Instruction {}

  /** Consumes a character that is in a set. */
  record OneOf(int set, int then) implements Instruction {}

  /** The expression has matched. */
  record Match() implements Instruction {}

  final List<Instruction> instructions = new ArrayList<>();

  /** The sets to which instructions refer by index. */
  final List<CharSet> sets = new ArrayList<>();

  /** The index of the first instruction. */
  final int start;

  /**
   * Builds the program.
   *
   * @throws IllegalArgumentException if it would be too large
   */
  RegexProgram(Regex regex) {
    start = add(regex, add(new Match()));
  }

  private int add(Instruction instruction) {
    if (instructions.size() == MAX_INSTRUCTIONS) {
      throw new IllegalArgumentException("has more than " + MAX_INSTRUCTIONS + " instructions");
    }
    instructions.add(instruction);
    return instructions.size() - 1;
  }

  private int set(CharSet set) {
    if (!sets.contains(set)) {
      sets.add(set);
    }
    return sets.indexOf(set);
  }

  /** Adds an expression that continues at an instruction, and returns its first instruction. */
  private int add(Regex regex, int then) {
    return switch (regex) {
      case Regex.OneOf(CharSet one) -> add(new OneOf(set(one), then));
      case Regex.Lookahead(CharSet next, boolean orEnd) ->
          add(new Lookahead(set(next), orEnd, then));
      case Regex.Sequence(List<Regex> parts) -> {
        int first = then;
        for (Regex part : parts.reversed()) {
          first = add(part, first);
        }
        yield first;
      }
      case Regex.Choice(List<Regex> parts) -> {
        int first = add(parts.getLast(), then);
        for (Regex part : parts.subList(0, parts.size() - 1).reversed()) {
          first = add(new Split(add(part, then), first));
        }
        yield first;
      }
      case Regex.Repeat(Regex part, int min, int max) -> {
        int first = max < 0 ? loop(part, then) : then;
        for (int i = min; i < max; i++) {
          first = add(new Split(add(part, first), then));
        }
        for (int i = 0; i < min; i++) {
          first = add(part, first);
        }
        yield first;
      }
    };
  }

  private int loop(Regex part, int then) {
    int fork = add(new Match()); // a placeholder until the loop's body is known
    instructions.set(fork, new Split(add(part, fork), then));
    return fork;
  }
}
