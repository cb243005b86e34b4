package dev.vidrio.lens.dataset;

import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;

/** A tokenizer of words with their spaces, and of groups of digits. */
final class WordTokenizer implements Tokenizer {
  private final Pattern pieces;
  private final List<String> vocabulary = new ArrayList<>();

  /**
   * Creates a tokenizer.
   *
   * @param digits maximum digits of a token
   */
  WordTokenizer(int digits) {
    this.pieces = Pattern.compile(" ?[A-Za-z]+|[0-9]{1," + digits + "}|.", Pattern.DOTALL);
    for (char a = 'a'; a <= 'z'; a++) {
      vocabulary.add(" " + a + "ba");
    }
  }

  @Override
  public int[] encode(byte[] utf8, EncodeOptions options) {
    return pieces
        .matcher(new String(utf8, StandardCharsets.UTF_8))
        .results()
        .mapToInt(piece -> id(piece.group()))
        .toArray();
  }

  private int id(String piece) {
    if (!vocabulary.contains(piece)) {
      vocabulary.add(piece);
    }
    return vocabulary.indexOf(piece);
  }

  @Override
  public int[] encode(List<String> parts, EncodeOptions options) {
    return encode(String.join("", parts), options);
  }

  @Override
  public int vocabularySize() {
    return vocabulary.size();
  }

  @Override
  public byte[] bytes(int id) {
    return vocabulary.get(id).getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public TokenType type(int id) {
    return TokenType.NORMAL;
  }

  @Override
  public OptionalInt token(TokenRole role) {
    return OptionalInt.empty();
  }

  @Override
  public Set<Integer> endOfGeneration() {
    return Set.of();
  }
}
