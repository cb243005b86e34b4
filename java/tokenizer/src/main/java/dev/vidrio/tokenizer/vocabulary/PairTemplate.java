package dev.vidrio.tokenizer.vocabulary;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The layout of a pair of sequences with special tokens, such as {@code [CLS] A [SEP] B [SEP]} for
 * BERT. Each part has a type, which the model embeds (token type or segment): in BERT's layout, 0
 * up to the first {@code [SEP]} and 1 after it.
 *
 * @param parts the parts in order, with each of the two sequences once
 */
public record PairTemplate(List<Part> parts) {

  /** The GGUF key: the token and the type of each part, alternating. */
  public static final String KEY = "vidrio.tokenizer.pair";

  /** The first sequence, as the token of a {@link Part}. */
  public static final int FIRST = -1;

  /** The second sequence, as the token of a {@link Part}. */
  public static final int SECOND = -2;

  /**
   * A special token or a sequence.
   *
   * @param token the token, {@link #FIRST} or {@link #SECOND}
   * @param type the type of the token or of all tokens of the sequence
   */
  public record Part(int token, int type) {

    /** Returns whether this is a special token, not a sequence. */
    public boolean isToken() {
      return token >= 0;
    }
  }

  /**
   * Copies the list.
   *
   * @throws IllegalArgumentException if the first or the second sequence does not occur exactly
   *     once, or a type is negative
   */
  public PairTemplate {
    parts = List.copyOf(parts);
    for (int sequence : new int[] {FIRST, SECOND}) {
      if (parts.stream().filter(part -> part.token == sequence).count() != 1) {
        throw new IllegalArgumentException("must have each of two sequences once");
      }
    }
    for (Part part : parts) {
      if (part.type < 0 || part.token < SECOND) {
        throw new IllegalArgumentException("must not have negative types");
      }
    }
  }

  /**
   * Returns the layout that follows from the other settings of a vocabulary: BOS, the first
   * sequence, EOS, a separator, the second sequence and EOS, each token only if it is added.
   *
   * @param roles the tokens
   * @param addBos whether BOS is added
   * @param addEos whether EOS is added
   * @param addSeparator whether a separator follows the first sequence and its EOS
   * @param secondType the type of the second sequence and of the EOS after it
   */
  public static PairTemplate standard(
      Map<TokenRole, Integer> roles,
      boolean addBos,
      boolean addEos,
      boolean addSeparator,
      int secondType) {
    List<Part> parts = new ArrayList<>();
    add(roles, TokenRole.BOS, addBos, 0, parts);
    parts.add(new Part(FIRST, 0));
    add(roles, TokenRole.EOS, addEos, 0, parts);
    add(roles, TokenRole.SEPARATOR, addSeparator, 0, parts);
    parts.add(new Part(SECOND, secondType));
    add(roles, TokenRole.EOS, addEos, secondType, parts);
    return new PairTemplate(parts);
  }

  private static void add(
      Map<TokenRole, Integer> roles, TokenRole role, boolean wanted, int type, List<Part> parts) {
    Integer id = roles.get(role);
    if (wanted && id != null) {
      parts.add(new Part(id, type));
    }
  }

  /** Returns the number of special tokens. */
  public int specialTokens() {
    return parts.size() - 2;
  }
}
