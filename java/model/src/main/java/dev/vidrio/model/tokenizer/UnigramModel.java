package dev.vidrio.model.tokenizer;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.List;

/**
 * The unigram model (Kudo 2018): of all ways to cut a text into tokens, the one of the highest sum
 * of scores, found by Viterbi's algorithm. Before, characters are replaced as the vocabulary says.
 * A character without a token becomes the tokens of its bytes if the vocabulary has these, else the
 * unknown token, once for a run of such characters.
 */
final class UnigramModel implements TextModel {

  /** How much worse than the worst token an unknown character is. */
  private static final float UNKNOWN_PENALTY = 10;

  private final TokenModel.Unigram unigram;
  private final TokenIndex tokens;
  private final TokenType[] types;
  private final int[] byteTokens = new int[256];
  private final int unknown;
  private final double unknownScore;

  /**
   * Makes the model.
   *
   * @param vocabulary the file, for errors
   * @param bytes of each token, in which a space is a space
   * @param types of each token
   */
  UnigramModel(
      Vocabulary vocabulary, TokenModel.Unigram unigram, byte[][] bytes, TokenType[] types) {
    this.unigram = unigram;
    this.types = types;
    tokens = new TokenIndex(bytes, id -> types[id].isText());
    Arrays.fill(byteTokens, -1);
    List<Float> scores = unigram.scores();
    float lowest = Float.MAX_VALUE;
    for (int id = 0; id < types.length; id++) {
      if (types[id] == TokenType.NORMAL) {
        lowest = Math.min(lowest, scores.get(id));
      } else if (types[id] == TokenType.BYTE) {
        byteTokens[Byte.toUnsignedInt(bytes[id][0])] = id;
      }
    }
    unknownScore = lowest - UNKNOWN_PENALTY;
    Integer id = vocabulary.roles().get(TokenRole.UNKNOWN);
    if (id == null) {
      throw vocabulary.tokensError("lack an unknown token");
    }
    unknown = id;
  }

  @Override
  public TextEncoder encoder(IntList out) {
    return (text, start, end) -> encode(normalize(text, start, end), out);
  }

  private byte[] normalize(byte[] text, int start, int end) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(end - start + 1);
    boolean inWord = false;
    boolean prefix = unigram.addSpacePrefix();
    for (int pos = start; pos < end; ) {
      long match = unigram.charsmap().match(text, pos, end);
      int length = match == 0 ? Utf8.lengthAt(text, pos, end) : (int) (match >> 32);
      int from = match == 0 ? pos : (int) match;
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
      pos += length;
    }
    byte[] spaced = out.toByteArray();
    return Spaces.unescape(spaced, 0, spaced.length, false);
  }

  private void encode(byte[] text, IntList out) {
    double[] best = new double[text.length + 1];
    int[] ids = new int[text.length + 1];
    int[] starts = new int[text.length + 1];
    Arrays.fill(best, Double.NEGATIVE_INFINITY);
    best[0] = 0;
    for (int pos = 0; pos < text.length; ) {
      int from = pos;
      int next = pos + Utf8.lengthAt(text, pos, text.length);
      tokens.prefixes(
          text,
          pos,
          (end, id) -> {
            float score = types[id] == TokenType.USER_DEFINED ? 0 : unigram.scores().get(id);
            propose(best, ids, starts, from, end, id, score);
          });
      if (tokens.get(text, pos, next) < 0) {
        propose(best, ids, starts, from, next, unknown, unknownScore);
      }
      pos = next;
    }
    emit(text, ids, starts, out);
  }

  private static void propose(
      double[] best, int[] ids, int[] starts, int from, int end, int id, double score) {
    if (best[from] + score > best[end]) {
      best[end] = best[from] + score;
      ids[end] = id;
      starts[end] = from;
    }
  }

  private void emit(byte[] text, int[] ids, int[] starts, IntList out) {
    int[] ends = new int[text.length + 1];
    for (int end = text.length; end > 0; end = starts[end]) {
      ends[starts[end]] = end;
    }
    boolean afterUnknown = false;
    for (int pos = 0; pos < text.length; pos = ends[pos]) {
      int id = ids[ends[pos]];
      boolean isUnknown = id == unknown;
      if (!isUnknown) {
        out.add(id);
      } else if (byteTokens[0] >= 0) {
        for (int i = pos; i < ends[pos]; i++) {
          out.add(byteTokens[Byte.toUnsignedInt(text[i])]);
        }
      } else if (!afterUnknown) {
        out.add(id);
      }
      afterUnknown = isUnknown;
    }
  }
}
