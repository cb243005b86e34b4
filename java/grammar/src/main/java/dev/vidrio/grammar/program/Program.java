package dev.vidrio.grammar.program;

import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The rules of a grammar as a graph of places over bytes, after Thompson (1968), in which a place
 * may call a rule: a recursive transition network (Woods, 1970). {@link ProgramBuilder} makes it.
 */
public final class Program {

  /** A place in a rule. */
  public sealed interface Place {}

  /** Goes on at two places. */
  public record Fork(int first, int second) implements Place {}

  /** Takes a byte of a set. */
  public record Bytes(ByteSet set, int then) implements Place {}

  /** Goes on at the start of a rule, and at {@code then} when that has ended. */
  public record Call(int rule, int then) implements Place {}

  /** The rule has ended. */
  public record End() implements Place {}

  /** The whole text may end. */
  public record Accept() implements Place {}

  /** The place where every rule ends. */
  public static final int END = 0;

  /** The place after the grammar's own rule. */
  public static final int ACCEPT = 1;

  /** Bytes within which some places behave alike: most tokens have no more. */
  public static final int REACH = 16;

  private final List<Place> places;
  private final int[] starts;
  private final BitSet live;
  private final BitSet nullable;
  private final Map<Integer, Integer> alike;
  private final int[] order;
  private final int[] ranks;

  /**
   * A program that nobody changes.
   *
   * @param places the graph
   * @param starts where each rule begins; the grammar's own is rule 0
   * @param live places from which the end of their rule can be reached
   * @param nullable rules that have the empty text
   * @param alike places, with others of which the next {@link #REACH} bytes tell no difference
   * @param order rules such that one that may call another before it takes a byte comes earlier
   */
  Program(
      List<Place> places,
      int[] starts,
      BitSet live,
      BitSet nullable,
      Map<Integer, Integer> alike,
      int[] order) {
    this.places = places;
    this.starts = starts;
    this.live = live;
    this.nullable = nullable;
    this.alike = alike;
    this.order = order;
    this.ranks = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      ranks[order[i]] = i;
    }
  }

  public List<Place> places() {
    return places;
  }

  public Place at(int place) {
    return places.get(place);
  }

  /** Whether the end of its rule can be reached from a place. */
  public boolean isLive(int place) {
    return live.get(place);
  }

  /**
   * A place from which the next {@link #REACH} bytes go as from this one, the same for all that are
   * alike: how often a part may yet be repeated makes no difference while that is often enough.
   */
  public int alike(int place) {
    return alike.getOrDefault(place, place);
  }

  /** The first places, at most so many, that take more than so many bytes. */
  public IntStream wide(int bytes, int limit) {
    return IntStream.range(0, places.size())
        .filter(
            place ->
                places.get(place) instanceof Bytes(ByteSet set, int then) && set.size() > bytes)
        .filter(this::isLive)
        .limit(limit);
  }

  public int start(int rule) {
    return starts[rule];
  }

  public boolean isNullable(int rule) {
    return nullable.get(rule);
  }

  /** Where a rule is in an order in which those that may call others at once come first. */
  public int rank(int rule) {
    return ranks[rule];
  }

  /** The rule of a rank. */
  public int ruleOfRank(int rank) {
    return order[rank];
  }
}
