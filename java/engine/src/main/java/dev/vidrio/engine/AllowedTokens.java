package dev.vidrio.engine;

import dev.vidrio.model.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which tokens may come next in an answer. */
final class AllowedTokens {
  private final int minTokens;
  private final long[] allButEnds;

  /**
   * @param vocabulary number of token ids
   */
  AllowedTokens(GenerationRequest request, Tokenizer tokenizer, int vocabulary) {
    this.minTokens = request.minTokens();
    this.allButEnds = minTokens == 0 ? new long[0] : new long[Math.ceilDiv(vocabulary, Long.SIZE)];
    if (minTokens > 0) {
      Arrays.fill(allButEnds, -1);
      clear(request.stopTokens());
      clear(request.options().ignoreEnd() ? Set.of() : tokenizer.endOfGeneration());
    }
  }

  private void clear(Set<Integer> tokens) {
    for (int token : tokens) {
      allButEnds[token / Long.SIZE] &= ~(1L << token);
    }
  }

  /**
   * A bit for each token id, or null where all may come.
   *
   * @param generated how many have come
   */
  long @Nullable [] next(int generated) {
    return generated < minTokens ? allButEnds : null;
  }
}
