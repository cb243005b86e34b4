package dev.vidrio.tokenizer;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/** Stands in for the tokenizer of a model file without one, whose tokens are but numbers. */
final class NoTokenizer implements Tokenizer {

  private final String source;
  private final int size;

  /**
   * @param source the model file, for errors
   * @param size the number of tokens
   */
  NoTokenizer(String source, int size) {
    this.source = source;
    this.size = size;
  }

  @Override
  public int[] encode(byte[] utf8, EncodeOptions options) {
    if (utf8.length > 0) {
      throw new InvalidInputException(
          "text for", source, "must be given as token ids: the file has no tokenizer");
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
