package dev.vidrio.tokenizer.vocabulary;

import java.util.Set;

/**
 * Where literal tokens are found in a text, and which of them take the white space beside them,
 * which then gives no token of its own. The words are those of Hugging Face tokenizers.
 *
 * @param stripsLeft the ids of those that take the white space before them
 * @param stripsRight the ids of those that take the white space after them
 * @param singleWords the ids of those that are found only where no letter, digit, mark or connector
 *     stands beside them
 * @param normalized the ids of those that are looked for in what the others leave, after text and
 *     token have been normalized
 */
public record LiteralRules(
    Set<Integer> stripsLeft,
    Set<Integer> stripsRight,
    Set<Integer> singleWords,
    Set<Integer> normalized) {

  /** All are found everywhere, at once, and take nothing. */
  public static final LiteralRules NONE = new LiteralRules(Set.of(), Set.of(), Set.of(), Set.of());

  /** Vidrio's own key for what GGUF cannot say: the ids of {@link #stripsLeft}. */
  public static final String LEFT = "vidrio.tokenizer.strip_left";

  /** Vidrio's own key for what GGUF cannot say: the ids of {@link #stripsRight}. */
  public static final String RIGHT = "vidrio.tokenizer.strip_right";

  /** Vidrio's own key for what GGUF cannot say: the ids of {@link #singleWords}. */
  public static final String SINGLE = "vidrio.tokenizer.single_word";

  /** Vidrio's own key for what GGUF cannot say: the ids of {@link #normalized}. */
  public static final String NORMALIZED = "vidrio.tokenizer.normalized";

  /** Copies the sets. */
  public LiteralRules {
    stripsLeft = Set.copyOf(stripsLeft);
    stripsRight = Set.copyOf(stripsRight);
    singleWords = Set.copyOf(singleWords);
    normalized = Set.copyOf(normalized);
  }
}
