package dev.vidrio.grammar.program;

import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The compiled rules of a grammar: a graph of instructions over bytes after Thompson (1968), with
 * calls of rules: a recursive transition network (Woods, 1970). Built by {@link ProgramBuilder}.
 *
 * @param instructions the instructions
 * @param starts the address of each rule; the grammar's own is rule 0
 * @param live the addresses from which the end of their rule can be reached
 * @param nullable the rules that match the empty text
 * @param representatives the representatives of instructions that are equivalent for the next
 *     {@link #REACH} bytes
 * @param ranks the position of each rule in an order in which a rule comes before those that it may
 *     call before reading a byte
 */
public record Program(
    List<Instruction> instructions,
    List<Integer> starts,
    BitSet live,
    BitSet nullable,
    Map<Integer, Integer> representatives,
    List<Integer> ranks) {

  /** An instruction. */
  public sealed interface Instruction {}

  /** Continues at two instructions. */
  public record Fork(int first, int second) implements Instruction {}

  /** Reads a byte of a set. */
  public record Bytes(ByteSet set, int then) implements Instruction {}

  /** Continues at the start of a rule, and at {@code then} when the rule has ended. */
  public record Call(int rule, int then) implements Instruction {}

  /** Ends the rule. */
  public record End() implements Instruction {}

  /** Accepts the whole text. */
  public record Accept() implements Instruction {}

  /** The address of the {@link End} of every rule. */
  public static final int END = 0;

  /** The address of the {@link Accept} after rule 0. */
  public static final int ACCEPT = 1;

  /**
   * The number of bytes within which equivalent instructions behave alike; most tokens have no
   * more.
   */
  public static final int REACH = 16;

  /** Returns the instruction at an address. */
  public Instruction at(int address) {
    return instructions.get(address);
  }

  /** Returns whether the end of its rule can be reached from an address. */
  public boolean isLive(int address) {
    return live.get(address);
  }

  /**
   * Returns the representative of the instructions that are equivalent to this one for the next
   * {@link #REACH} bytes: the number of remaining repetitions is irrelevant while it is large
   * enough.
   */
  public int representative(int address) {
    return representatives.getOrDefault(address, address);
  }

  /**
   * Returns the first {@code limit} live addresses that read a set of more than {@code bytes}
   * bytes.
   */
  public IntStream wide(int bytes, int limit) {
    return IntStream.range(0, instructions.size())
        .filter(
            address ->
                instructions.get(address) instanceof Bytes(ByteSet set, int then)
                    && set.size() > bytes)
        .filter(this::isLive)
        .limit(limit);
  }

  /** Returns the address of a rule. */
  public int start(int rule) {
    return starts.get(rule);
  }

  /** Returns whether a rule matches the empty text. */
  public boolean isNullable(int rule) {
    return nullable.get(rule);
  }

  /** Returns the position of a rule in the calling order. */
  public int rank(int rule) {
    return ranks.get(rule);
  }
}
