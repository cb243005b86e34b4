package dev.vidrio.tokenizer.unigram;

import dev.vidrio.tokenizer.encoding.ByteTokens;
import dev.vidrio.tokenizer.encoding.TextModel;
import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.normalization.Spaces;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.text.WorkLimit;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import dev.vidrio.tokenizer.word.WordSplitter;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;

/**
 * The unigram model of SentencePiece (Kudo 2018, arXiv 1804.10959): normalizes text with the
 * vocabulary's character map, then segments it with {@link Viterbi}.
 */
public final class UnigramModel {

  private UnigramModel() {}

  /**
   * Creates the model.
   *
   * @param vocabulary the source, for errors
   * @param unigram scores and normalization
   * @param bytes the bytes of each token, with U+2581 decoded to a space
   * @param types the type of each token
   */
  public static TextModel of(
      Vocabulary vocabulary, TokenModel.Unigram unigram, byte[][] bytes, TokenType[] types) {
    double[] scores = new double[types.length];
    double lowest = Float.MAX_VALUE;
    for (int id = 0; id < types.length; id++) {
      scores[id] = types[id] == TokenType.USER_DEFINED ? 0 : unigram.scores().get(id);
      if (types[id] == TokenType.NORMAL) {
        lowest = Math.min(lowest, scores[id]);
      }
    }
    Integer unknown = vocabulary.roles().get(TokenRole.UNKNOWN);
    if (unknown == null) {
      throw vocabulary.tokensError("lack an unknown token");
    }
    Viterbi viterbi =
        new Viterbi(
            new TokenIndex(bytes, id -> types[id].isText()),
            scores,
            unknown,
            lowest - Viterbi.UNKNOWN_PENALTY,
            ByteTokens.allOrNone(vocabulary, bytes, types));
    WordSplitter normalized =
        WordSplitter.transforming((text, start, end) -> normalize(unigram, text, start, end));
    return new TextModel(Arrays::copyOfRange, normalized, normalized, viterbi);
  }

  private static byte[] normalize(TokenModel.Unigram unigram, byte[] text, int start, int end) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(end - start + 1);
    boolean inWord = false;
    boolean prefix = unigram.addSpacePrefix();
    WorkLimit limit = new WorkLimit(end - start);
    for (int pos = start; pos < end; ) {
      long match = unigram.charsmap().match(text, pos, end, false);
      int length = match == 0 ? Utf8.lengthAt(text, pos, end) : (int) (match >> 32);
      int from = match == 0 ? pos : (int) match;
      int written = out.size();
      for (int i = 0;
          match == 0 ? i < length : unigram.charsmap().replacement(from + i) != 0;
          i++) {
        byte b = match == 0 ? text[from + i] : unigram.charsmap().replacement(from + i);
        boolean space = b == ' ';
        if (!space && !inWord && (prefix || (unigram.removeExtraSpaces() && out.size() > 0))) {
          out.write(' ');
          prefix = false;
        }
        if (!space || !unigram.removeExtraSpaces()) {
          out.write(b);
        }
        inWord = !space;
      }
      limit.add(out.size() - written);
      pos += length;
    }
    byte[] spaced = out.toByteArray();
    return Spaces.unescape(spaced, 0, spaced.length, false);
  }
}
