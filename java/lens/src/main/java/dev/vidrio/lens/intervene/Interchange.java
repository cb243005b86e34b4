package dev.vidrio.lens.intervene;

import dev.vidrio.lens.resolve.Preconditions;

/**
 * An interchange intervention (Geiger et al. 2021, arXiv 2106.02997): the value of a variable in a
 * source text is inserted into a base text, whose answer should then follow from that value.
 */
public final class Interchange {
  final int[] base;
  final int basePosition;
  final int[] source;
  final int sourcePosition;
  final int answer;
  final int original;

  /**
   * Creates an interchange at given positions.
   *
   * @param base tokens of the text that is changed
   * @param basePosition position of the change
   * @param source tokens of the text that the value is taken from
   * @param sourcePosition its position
   * @param answer the expected next token of the base with the source's value
   * @param original the next token of the base with its own value
   */
  public Interchange(
      int[] base, int basePosition, int[] source, int sourcePosition, int answer, int original) {
    Preconditions.requirePosition("position in the base", base, basePosition);
    Preconditions.requirePosition("position in the source", source, sourcePosition);
    this.base = base.clone();
    this.basePosition = basePosition;
    this.source = source.clone();
    this.sourcePosition = sourcePosition;
    this.answer = answer;
    this.original = original;
  }

  /** Creates an interchange at the last tokens. */
  public Interchange(int[] base, int[] source, int answer, int original) {
    this(base, base.length - 1, source, source.length - 1, answer, original);
  }
}
