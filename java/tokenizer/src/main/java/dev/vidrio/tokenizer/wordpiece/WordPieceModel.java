package dev.vidrio.tokenizer.wordpiece;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.tokenizer.encoding.TextModel;
import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.normalization.TextTransform;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.util.function.Function;

/** The tokenizer of BERT: {@link BertNormalizer}, {@link BertWords} and {@link WordPiece}. */
public final class WordPieceModel {

  private static final byte[] NO_BYTES = {};

  private WordPieceModel() {}

  /**
   * Creates the model.
   *
   * @param vocabulary the tokens, in which U+2581 marks the beginning of a word
   * @param wordPiece the normalization
   * @param types the type of each token
   * @throws ModelFileException if there is no unknown token
   */
  public static TextModel of(
      Vocabulary vocabulary, TokenModel.WordPiece wordPiece, TokenType[] types) {
    Integer unknown = vocabulary.roles().get(TokenRole.UNKNOWN);
    if (unknown == null) {
      throw vocabulary.tokensError("lack an unknown token");
    }
    TokenIndex starts =
        index(
            vocabulary,
            types,
            token -> token.startsWith(TokenModel.WordPiece.START) ? token.substring(1) : "");
    TokenIndex continuations =
        index(
            vocabulary, types, token -> token.startsWith(TokenModel.WordPiece.START) ? "" : token);
    TextTransform normalizer =
        new BertNormalizer(true, true, wordPiece.stripsAccents(), wordPiece.lowercases());
    BertWords words = new BertWords();
    return new TextModel(
        normalizer,
        words,
        words,
        new WordPiece(starts, continuations, unknown, WordPiece.MAX_CHARACTERS));
  }

  private static TokenIndex index(
      Vocabulary vocabulary, TokenType[] types, Function<String, String> spelling) {
    byte[][] spellings = new byte[types.length][];
    for (int id = 0; id < types.length; id++) {
      boolean isText = types[id] == TokenType.NORMAL;
      spellings[id] =
          isText ? spelling.apply(vocabulary.tokens().get(id)).getBytes(UTF_8) : NO_BYTES;
    }
    return new TokenIndex(spellings, id -> true);
  }
}
