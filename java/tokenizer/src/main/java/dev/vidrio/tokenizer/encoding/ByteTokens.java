package dev.vidrio.tokenizer.encoding;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.util.Arrays;
import java.util.Locale;

/** Finds the tokens of single bytes. */
public final class ByteTokens {

  private static final int ABSENT = -1;

  private ByteTokens() {}

  /**
   * Returns the token of each byte.
   *
   * @param vocabulary the source, for errors
   * @param bytes the bytes of each token
   * @param types the type of each token
   * @throws ModelFileException if a byte has no token
   */
  public static int[] all(Vocabulary vocabulary, byte[][] bytes, TokenType[] types) {
    int[] tokens = new int[256];
    Arrays.fill(tokens, ABSENT);
    for (int id = types.length - 1; id >= 0; id--) {
      if (types[id] == TokenType.BYTE) {
        tokens[Byte.toUnsignedInt(bytes[id][0])] = id;
      }
    }
    for (int b = 0; b < tokens.length; b++) {
      if (tokens[b] == ABSENT) {
        throw vocabulary.tokensError(String.format(Locale.ROOT, "lacks the byte <0x%02X>", b));
      }
    }
    return tokens;
  }

  /**
   * Returns the token of each byte, or an empty array if the vocabulary has no byte tokens.
   *
   * @throws ModelFileException if only some bytes have one
   */
  public static int[] allOrNone(Vocabulary vocabulary, byte[][] bytes, TokenType[] types) {
    return Arrays.asList(types).contains(TokenType.BYTE)
        ? all(vocabulary, bytes, types)
        : new int[0];
  }
}
