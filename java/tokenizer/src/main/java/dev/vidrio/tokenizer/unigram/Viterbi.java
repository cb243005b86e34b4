package dev.vidrio.tokenizer.unigram;

import dev.vidrio.tokenizer.encoding.IntList;
import dev.vidrio.tokenizer.encoding.TokenIndex;
import dev.vidrio.tokenizer.encoding.WordModel;
import dev.vidrio.tokenizer.text.Utf8;
import java.util.Arrays;

/**
 * Segments text into the tokens with the highest sum of scores by the Viterbi algorithm (Kudo 2018,
 * arXiv 1804.10959). A character without a token becomes the tokens of its bytes if there are any,
 * else the unknown token, once for a run of such characters.
 */
public final class Viterbi implements WordModel {

  /** The score of an unknown character below the lowest score of a token. */
  public static final double UNKNOWN_PENALTY = 10;

  private final TokenIndex tokens;
  private final double[] scores;
  private final int unknown;
  private final double unknownScore;
  private final int[] byteTokens;

  /**
   * Creates the model.
   *
   * @param tokens the text tokens
   * @param scores the score of each token of the vocabulary; not NaN
   * @param unknown the unknown token
   * @param unknownScore the score of a character without a token
   * @param byteTokens the token of each byte, or an empty array
   */
  public Viterbi(
      TokenIndex tokens, double[] scores, int unknown, double unknownScore, int[] byteTokens) {
    this.tokens = tokens;
    this.scores = scores;
    this.unknown = unknown;
    this.unknownScore = unknownScore;
    this.byteTokens = byteTokens;
  }

  @Override
  public WordEncoder encoder() {
    return this::encode;
  }

  /** Appends the tokens of the text from {@code start} to before {@code end}. */
  void encode(byte[] text, int start, int end, IntList out) {
    Path path = new Path(end - start);
    for (int pos = start; pos < end; ) {
      int from = pos - start;
      int next = pos + Utf8.lengthAt(text, pos, end);
      tokens.prefixes(text, pos, end, (to, id) -> path.propose(from, to - start, id, scores[id]));
      if (tokens.get(text, pos, next) < 0) {
        path.propose(from, next - start, unknown, unknownScore);
      }
      pos = next;
    }
    emit(text, start, path, out);
  }

  /** The best segmentation up to each position, by its last token. */
  private static final class Path {
    private final double[] best;
    private final int[] ids;
    private final int[] starts;

    private Path(int length) {
      best = new double[length + 1];
      ids = new int[length + 1];
      starts = new int[length + 1];
      Arrays.fill(best, Double.NEGATIVE_INFINITY);
      best[0] = 0;
    }

    private void propose(int from, int to, int id, double score) {
      if (best[from] + score > best[to]) {
        best[to] = best[from] + score;
        ids[to] = id;
        starts[to] = from;
      }
    }

    /** Returns, for each start of a token on the best path, its end. */
    private int[] ends() {
      int[] ends = new int[best.length];
      for (int end = best.length - 1; end > 0; end = starts[end]) {
        ends[starts[end]] = end;
      }
      return ends;
    }
  }

  private void emit(byte[] text, int start, Path path, IntList out) {
    int[] ends = path.ends();
    boolean afterUnknown = false;
    for (int pos = 0; pos < ends.length - 1; pos = ends[pos]) {
      int id = path.ids[ends[pos]];
      boolean isUnknown = id == unknown;
      if (!isUnknown) {
        out.add(id);
      } else if (byteTokens.length > 0) {
        for (int i = pos; i < ends[pos]; i++) {
          out.add(byteTokens[Byte.toUnsignedInt(text[start + i])]);
        }
      } else if (!afterUnknown) {
        out.add(id);
      }
      afterUnknown = isUnknown;
    }
  }
}
