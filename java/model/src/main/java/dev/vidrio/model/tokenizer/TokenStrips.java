package dev.vidrio.model.tokenizer;

import dev.vidrio.model.gguf.Metadata;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Which literal tokens take the white space beside them in a text, which then gives no token of its
 * own.
 *
 * @param left the ids of those that take the white space before them
 * @param right the ids of those that take the white space after them
 */
public record TokenStrips(Set<Integer> left, Set<Integer> right) {

  /** No token does. */
  public static final TokenStrips NONE = new TokenStrips(Set.of(), Set.of());

  /** Vidrio's own key for what GGUF cannot say: the ids of {@link #left}. */
  public static final String LEFT = "vidrio.tokenizer.strip_left";

  /** Vidrio's own key for what GGUF cannot say: the ids of {@link #right}. */
  public static final String RIGHT = "vidrio.tokenizer.strip_right";

  private static final List<String> PHI_3_PLAIN = List.of("<unk>", "<s>", "<|endoftext|>");

  /** Copies the sets. */
  public TokenStrips {
    left = Set.copyOf(left);
    right = Set.copyOf(right);
  }

  /**
   * Reads what a file says. Files of Phi-3 by other programs do not say it: as in llama.cpp, they
   * are known by the model's name, and all but three of their literal tokens strip to the right.
   */
  static TokenStrips read(Metadata metadata, List<String> tokens, List<TokenType> types) {
    if (metadata.contains(LEFT) || metadata.contains(RIGHT)) {
      return new TokenStrips(
          ids(metadata, LEFT, tokens.size()), ids(metadata, RIGHT, tokens.size()));
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
    return new TokenStrips(Set.of(), right);
  }

  private static Set<Integer> ids(Metadata metadata, String key, int size) {
    Set<Integer> ids = new HashSet<>();
    if (metadata.contains(key)) {
      Arrays.stream(metadata.ints(key, 0, size - 1)).forEach(ids::add);
    }
    return ids;
  }

  /** Returns where the stretch of text before a token ends. */
  int endBefore(int id, byte[] text, int start, int pos) {
    int end = pos;
    while (left.contains(id) && end > start) {
      int last = Utf8.lastStart(text, start, end);
      if (!isSpace(text, last, end)) {
        break;
      }
      end = last;
    }
    return end;
  }

  /** Returns where the stretch of text after a token begins. */
  int startAfter(int id, byte[] text, int pos) {
    int start = pos;
    while (right.contains(id) && start < text.length && isSpace(text, start, text.length)) {
      start += Utf8.lengthAt(text, start, text.length);
    }
    return start;
  }

  private static boolean isSpace(byte[] text, int pos, int end) {
    int codePoint = Utf8.codePointAt(text, pos, end);
    return CharSet.SPACE.contains(codePoint, Character.getType(codePoint));
  }
}
