package dev.vidrio.engine;

import dev.vidrio.model.Model;
import dev.vidrio.model.grammar.ConstraintState;
import dev.vidrio.model.grammar.Grammar;
import java.util.Arrays;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which tokens may come next in an answer: those of its grammar, and before the fewest tokens are
 * there none that ends it, unless the grammar has no other.
 */
final class AllowedTokens {
  private final int minTokens;
  private final long[] allButEnds;
  private @Nullable ConstraintState state;

  /**
   * Gets the grammar ready, which may take a while.
   *
   * @throws dev.vidrio.model.InvalidInputException when it does not fit the tokens
   */
  AllowedTokens(GenerationRequest request, Model model) {
    int vocabulary = model.architecture().vocabulary();
    this.minTokens = request.minTokens();
    this.allButEnds = minTokens == 0 ? new long[0] : new long[Math.ceilDiv(vocabulary, Long.SIZE)];
    if (minTokens > 0) {
      Arrays.fill(allButEnds, -1);
      clear(request.stopTokens());
      clear(request.options().ignoreEnd() ? Set.of() : model.tokenizer().endOfGeneration());
    }
    Grammar grammar = request.options().grammar();
    this.state = grammar == null ? null : model.constraints().get(grammar).start();
  }

  private void clear(Set<Integer> tokens) {
    for (int token : tokens) {
      allButEnds[token / Long.SIZE] &= ~(1L << token);
    }
  }

  /** Whether a grammar says what may come. */
  boolean hasGrammar() {
    return state != null;
  }

  /**
   * A bit for each token id, or null where all may come.
   *
   * @param generated how many have come
   */
  long @Nullable [] next(int generated) {
    long[] ofGrammar = state == null ? null : state.mask();
    if (generated >= minTokens) {
      return ofGrammar;
    }
    return ofGrammar == null ? allButEnds : unlessEmpty(ofGrammar);
  }

  private long[] unlessEmpty(long[] ofGrammar) {
    long[] both = ofGrammar.clone();
    long any = 0;
    for (int i = 0; i < both.length; i++) {
      both[i] &= allButEnds[i];
      any |= both[i];
    }
    return any == 0 ? ofGrammar : both;
  }

  /** Notes a token that has come, which does not end the answer; whether it has to end now. */
  boolean accept(int token) {
    if (state == null) {
      return false;
    }
    state = state.after(token);
    return state.mustEnd();
  }
}
