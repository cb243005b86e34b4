package dev.vidrio.tokenizer.vocabulary;

import java.util.Set;

/**
 * The matching rules of literal tokens: tokens that are recognized by their spelling in the text
 * before the model runs. Hugging Face calls them added tokens; the fields correspond to {@code
 * lstrip}, {@code rstrip}, {@code single_word} and {@code normalized}.
 *
 * <p>GGUF has no keys for these rules. Files written by Vidrio have them under {@code
 * vidrio.tokenizer.*}.
 *
 * @param stripsLeft the ids of tokens that absorb the white space before them
 * @param stripsRight the ids of tokens that absorb the white space after them
 * @param singleWords the ids of tokens that match only between word boundaries: no letter, digit,
 *     mark or connector on either side
 * @param normalized the ids of tokens that are searched after the others, in the normalized
 *     segments and by their normalized spelling
 */
public record LiteralRules(
    Set<Integer> stripsLeft,
    Set<Integer> stripsRight,
    Set<Integer> singleWords,
    Set<Integer> normalized) {

  /** No rules: all literal tokens match everywhere, in the original text, and absorb nothing. */
  public static final LiteralRules NONE = new LiteralRules(Set.of(), Set.of(), Set.of(), Set.of());

  /** The GGUF key of {@link #stripsLeft}. */
  public static final String LEFT = "vidrio.tokenizer.strip_left";

  /** The GGUF key of {@link #stripsRight}. */
  public static final String RIGHT = "vidrio.tokenizer.strip_right";

  /** The GGUF key of {@link #singleWords}. */
  public static final String SINGLE = "vidrio.tokenizer.single_word";

  /** The GGUF key of {@link #normalized}. */
  public static final String NORMALIZED = "vidrio.tokenizer.normalized";

  /** Copies the sets. */
  public LiteralRules {
    stripsLeft = Set.copyOf(stripsLeft);
    stripsRight = Set.copyOf(stripsRight);
    singleWords = Set.copyOf(singleWords);
    normalized = Set.copyOf(normalized);
  }
}
