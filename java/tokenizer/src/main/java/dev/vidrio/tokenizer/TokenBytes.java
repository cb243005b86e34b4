package dev.vidrio.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.tokenizer.huggingface.StageReader;
import dev.vidrio.tokenizer.normalization.ByteAlphabet;
import dev.vidrio.tokenizer.normalization.Spaces;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.util.function.BiFunction;

/** Computes the bytes of tokens. */
final class TokenBytes {

  private TokenBytes() {}

  /**
   * Returns the bytes of each token.
   *
   * @param types the type of each token
   * @throws ModelFileException if a byte token is misspelled
   */
  static byte[][] of(Vocabulary vocabulary, TokenType[] types) {
    BiFunction<String, TokenType, byte[]> spelling = spelling(vocabulary);
    byte[][] bytes = new byte[types.length][];
    for (int id = 0; id < bytes.length; id++) {
      String token = vocabulary.tokens().get(id);
      bytes[id] =
          switch (types[id]) {
            case NORMAL, USER_DEFINED -> spelling.apply(token, types[id]);
            case UNKNOWN, CONTROL -> token.getBytes(UTF_8);
            case UNUSED -> new byte[0];
            case BYTE -> oneByte(vocabulary, id);
          };
    }
    return bytes;
  }

  private static byte[] oneByte(Vocabulary vocabulary, int id) {
    String token = vocabulary.tokens().get(id);
    if (!token.matches("<0x[0-9A-Fa-f]{2}>")) {
      throw vocabulary.tokenError(id, "must be spelled like '<0x0A>': it is a byte token");
    }
    return new byte[] {(byte) Integer.parseInt(token, 3, 5, 16)};
  }

  /** Returns the function from the spelling of a text token to its bytes. */
  private static BiFunction<String, TokenType, byte[]> spelling(Vocabulary vocabulary) {
    return switch (vocabulary.model()) {
      case TokenModel.ByteLevelBpe bpe -> TokenBytes::byteLevel;
      case TokenModel.SentencePieceBpe bpe -> TokenBytes::spaced;
      case TokenModel.Unigram unigram -> TokenBytes::spaced;
      case TokenModel.WordPiece wordPiece ->
          (token, type) -> type == TokenType.NORMAL ? spaced(token, type) : token.getBytes(UTF_8);
      case TokenModel.Pipeline pipeline -> {
        StageReader.Decoder decoder =
            new StageReader(vocabulary.source(), pipeline.stages()).decoder();
        yield decoder.isByteLevel()
            ? TokenBytes::byteLevel
            : (token, type) -> decoder.spelling().apply(token.getBytes(UTF_8));
      }
    };
  }

  private static byte[] byteLevel(String token, TokenType type) {
    return type == TokenType.NORMAL ? ByteAlphabet.bytes(token) : token.getBytes(UTF_8);
  }

  private static byte[] spaced(String token, TokenType type) {
    return Spaces.unescape(token).getBytes(UTF_8);
  }
}
