package dev.vidrio.fuzz;

import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/** A tokenizer with a token for each byte, and the end token 256. */
final class ByteTokenizer implements Tokenizer {
  static final int END = 256;

  @Override
  public int[] encode(byte[] utf8, EncodeOptions options) {
    int[] ids = new int[utf8.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = Byte.toUnsignedInt(utf8[i]);
    }
    return ids;
  }

  @Override
  public int[] encode(List<String> parts, EncodeOptions options) {
    return encode(String.join("", parts), options);
  }

  @Override
  public int vocabularySize() {
    return END + 1;
  }

  @Override
  public byte[] bytes(int id) {
    return id == END ? new byte[0] : new byte[] {(byte) id};
  }

  @Override
  public TokenType type(int id) {
    return id == END ? TokenType.CONTROL : TokenType.NORMAL;
  }

  @Override
  public OptionalInt token(TokenRole role) {
    return OptionalInt.empty();
  }

  @Override
  public Set<Integer> endOfGeneration() {
    return Set.of(END);
  }
}
