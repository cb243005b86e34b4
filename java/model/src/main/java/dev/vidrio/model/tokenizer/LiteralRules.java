package dev.vidrio.model.tokenizer;

import dev.vidrio.model.gguf.Metadata;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
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

  private static final List<String> KEYS = List.of(LEFT, RIGHT, SINGLE, NORMALIZED);
  private static final List<String> PHI_3_PLAIN = List.of("<unk>", "<s>", "<|endoftext|>");

  /** Copies the sets. */
  public LiteralRules {
    stripsLeft = Set.copyOf(stripsLeft);
    stripsRight = Set.copyOf(stripsRight);
    singleWords = Set.copyOf(singleWords);
    normalized = Set.copyOf(normalized);
  }

  /**
   * Reads what a file says. Files of Phi-3 by other programs do not say it: as in llama.cpp, they
   * are known by the model's name, and all but three of their literal tokens strip to the right.
   */
  static LiteralRules read(Metadata metadata, List<String> tokens, List<TokenType> types) {
    if (KEYS.stream().anyMatch(metadata::contains)) {
      int size = tokens.size();
      return new LiteralRules(
          ids(metadata, LEFT, size),
          ids(metadata, RIGHT, size),
          ids(metadata, SINGLE, size),
          ids(metadata, NORMALIZED, size));
    }
    String name = metadata.optionalString("general.name").orElse("").toLowerCase(Locale.ROOT);
    Set<Integer> right = new HashSet<>();
    if (name.contains("phi-3") || name.contains("phi3")) {
      for (int id = 0; id < Math.min(tokens.size(), types.size()); id++) {
        if (types.get(id).isLiteral() && !PHI_3_PLAIN.contains(tokens.get(id))) {
          right.add(id);
        }
      }
    }
    return new LiteralRules(Set.of(), right, Set.of(), Set.of());
  }

  private static Set<Integer> ids(Metadata metadata, String key, int size) {
    Set<Integer> ids = new HashSet<>();
    if (metadata.contains(key)) {
      Arrays.stream(metadata.ints(key, 0, size - 1)).forEach(ids::add);
    }
    return ids;
  }

  /** Says whether a token counts at a place of a text from {@code start} to before {@code end}. */
  boolean mayStand(int id, byte[] text, int start, int pos, int after, int end) {
    if (!singleWords.contains(id)) {
      return true;
    }
    boolean wordBefore =
        pos > start && CharSet.WORD.containsAt(text, Utf8.lastStart(text, start, pos), pos);
    return !wordBefore && !(after < end && CharSet.WORD.containsAt(text, after, end));
  }

  /** Returns where the stretch of text before a token ends. */
  int endBefore(int id, byte[] text, int start, int pos) {
    int end = pos;
    while (stripsLeft.contains(id) && end > start) {
      int last = Utf8.lastStart(text, start, end);
      if (!CharSet.SPACE.containsAt(text, last, end)) {
        break;
      }
      end = last;
    }
    return end;
  }

  /** Returns where the stretch of text after a token begins. */
  int startAfter(int id, byte[] text, int pos, int end) {
    int start = pos;
    while (stripsRight.contains(id) && start < end && CharSet.SPACE.containsAt(text, start, end)) {
      start += Utf8.lengthAt(text, start, end);
    }
    return start;
  }
}
