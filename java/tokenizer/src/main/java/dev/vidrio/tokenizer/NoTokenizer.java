package dev.vidrio.tokenizer;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/** The tokenizer of a model file without a vocabulary: token ids exist, but have no text. */
final class NoTokenizer implements Tokenizer {

  private final String source;
  private final int size;

  /**
   * Creates the tokenizer.
   *
   * @param source the model file, for errors
   * @param size the number of token ids
   */
  NoTokenizer(String source, int size) {
    this.source = source;
    this.size = size;
  }

  @Override
  public int[] encode(byte[] utf8, EncodeOptions options) {
    if (utf8.length > 0) {
      throw new InvalidInputException(
          "text", "", "not supported: " + source + " has no tokenizer; pass token ids");
    }
    return new int[0];
  }

  @Override
  public int[] encode(List<String> parts, EncodeOptions options) {
    return encode(Utf8.encode(String.join("", parts)), options);
  }

  @Override
  public int vocabularySize() {
    return size;
  }

  @Override
  public byte[] bytes(int id) {
    VocabularyTokenizer.requireId(id, size);
    return new byte[0];
  }

  @Override
  public TokenType type(int id) {
    VocabularyTokenizer.requireId(id, size);
    return TokenType.UNUSED;
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
