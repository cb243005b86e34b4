package dev.vidrio.engine.text;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.grammar.ConstraintState;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.Model;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which tokens may come next in an answer, and which of them end it: those of its grammar, and
 * before the fewest tokens are there none that ends it, unless the grammar has no other. Immutable.
 */
final class AllowedTokens {
  private final int minTokens;
  private final Set<Integer> ends;
  private final long[] allButEnds;
  private final @Nullable ConstraintState state;

  /**
   * Gets the grammar ready, which may take a while.
   *
   * @throws dev.vidrio.error.InvalidInputException when it does not fit the tokens
   */
  AllowedTokens(GenerationRequest request, Model model) {
    Grammar grammar = request.options().grammar();
    this.minTokens = request.minTokens();
    this.ends = new HashSet<>(request.stopTokens());
    if (grammar != null || !request.options().ignoreEnd()) {
      ends.addAll(model.tokenizer().endOfGeneration());
    }
    this.allButEnds =
        minTokens == 0 ? new long[0] : allBut(ends, model.architecture().vocabulary());
    this.state = grammar == null ? null : model.constraints().get(grammar).start();
  }

  private AllowedTokens(AllowedTokens before, ConstraintState state) {
    this.minTokens = before.minTokens;
    this.ends = before.ends;
    this.allButEnds = before.allButEnds;
    this.state = state;
  }

  private static long[] allBut(Set<Integer> tokens, int vocabulary) {
    var bits = new long[Math.ceilDiv(vocabulary, Long.SIZE)];
    Arrays.fill(bits, -1);
    for (int token : tokens) {
      bits[token / Long.SIZE] &= ~(1L << token);
    }
    return bits;
  }

  /** Tokens that end an answer. */
  Set<Integer> ends() {
    return ends;
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

  /** What may come after a token that does not end the answer. */
  AllowedTokens after(int token) {
    return state == null ? this : new AllowedTokens(this, state.after(token));
  }

  /** Whether the answer has to end now. */
  boolean mustEnd() {
    return state != null && state.mustEnd();
  }
}
