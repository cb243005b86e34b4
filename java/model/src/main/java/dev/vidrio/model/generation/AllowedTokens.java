package dev.vidrio.model.generation;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.ConstraintState;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.load.LoadedModel;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The tokens that may come next in an answer, by its grammar, its end tokens and its minimum
 * length. Before the minimum length no end token is allowed, unless the grammar allows nothing
 * else. Immutable.
 */
public final class AllowedTokens {
  private final int minTokens;
  private final Set<Integer> ends;
  private final long[] allButEnds;
  private final @Nullable ConstraintState state;

  /**
   * Compiles the grammar of the options, unless it is cached.
   *
   * @param stopTokens end tokens in addition to those of the model
   * @param minTokens number of tokens before any end token is allowed
   * @throws InvalidInputException if the grammar does not fit the tokenizer
   */
  public AllowedTokens(
      LoadedModel model, GenerationOptions options, Set<Integer> stopTokens, int minTokens) {
    Grammar grammar = options.grammar();
    this.minTokens = minTokens;
    this.ends = new HashSet<>(stopTokens);
    // With a grammar an end token is allowed only where the text is complete, so it ends the text.
    if (grammar != null || !options.ignoreEnd()) {
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

  /** Returns the tokens that end an answer. */
  public Set<Integer> ends() {
    return ends;
  }

  /**
   * Returns a bit for each token id, {@code id & 63} of word {@code id >> 6}, or null if all tokens
   * are allowed.
   *
   * @param generated number of tokens so far
   */
  public long @Nullable [] mask(int generated) {
    long[] ofGrammar = state == null ? null : state.mask();
    if (generated >= minTokens) {
      return ofGrammar;
    }
    return ofGrammar == null ? allButEnds : withoutEnds(ofGrammar);
  }

  private long[] withoutEnds(long[] ofGrammar) {
    long[] both = ofGrammar.clone();
    long any = 0;
    for (int i = 0; i < both.length; i++) {
      both[i] &= allButEnds[i];
      any |= both[i];
    }
    return any == 0 ? ofGrammar : both;
  }

  /** Returns the tokens allowed after a token that does not end the answer. */
  public AllowedTokens after(int token) {
    return state == null ? this : new AllowedTokens(this, state.after(token));
  }

  /** Returns whether the grammar is complete and allows no further token. */
  public boolean mustEnd() {
    return state != null && state.mustEnd();
  }
}
