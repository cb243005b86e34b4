package dev.vidrio.grammar;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Grammar} compiled for a tokenizer: computes which tokens may come next.
 *
 * {@snippet file="GrammarExamples.java" region="constraint"}
 *
 * <p>Set the logits of all other tokens to −∞ before sampling. A token is allowed if its bytes can
 * come next, regardless of how the text is divided into tokens, even within a character. Special
 * tokens are not allowed, except for the marks of reasoning and tool calls where the grammar has
 * them, and end tokens exactly when the text is complete.
 *
 * <p>The mask of a state is computed on first use and cached; the part that depends only on a rule
 * is shared by all calls of the rule (Dong et al., XGrammar, arXiv 2411.15100). The cache is
 * limited to about 16 MB.
 *
 * <p>Thread-safe.
 *
 * @see "docs/structured-output.md"
 */
public final class TokenConstraint {

  private static final long MAX_MASK_BYTES = 8L << 20;

  /**
   * The number of bytes in an instruction's set above which its mask is precomputed, and the
   * maximum number of such instructions.
   */
  private static final int WIDE = 48;

  private static final int MAX_WIDE = 16;

  /** The number of items above which they are walked together. */
  private static final int MAX_PARTS = 24;

  /** The tokens allowed by an instruction on its own. */
  private static final class Part {
    /** The short tokens that stay within the rule or reach its end with their last byte. */
    private final long[] bits;

    /** The trie nodes at which the rule may have ended. */
    private final int[] endings;

    private Part(long[] bits, int[] endings) {
      this.bits = bits;
      this.endings = endings;
    }
  }

  private final GrammarVocabulary texts;
  private final Pushdown pushdown;
  private final ConstraintState start;
  private final Map<Integer, Part> parts = new HashMap<>();
  private final Pushdown.State[] path;
  private long maskBytes;

  /**
   * Compiles a grammar for a tokenizer and computes the first mask.
   *
   * @throws InvalidInputException if the tokenizer has no token to begin with
   */
  public static TokenConstraint of(Grammar grammar, Tokenizer tokenizer) {
    return new TokenConstraint(grammar, new GrammarVocabulary(tokenizer, grammar.marks()));
  }

  TokenConstraint(Grammar grammar, GrammarVocabulary texts) {
    this.texts = texts;
    this.pushdown = new Pushdown(grammar.program());
    int depth = Math.max(texts.shorter.maxDepth(), texts.longer.maxDepth());
    this.path = new Pushdown.State[depth + 1];
    this.start = new ConstraintState(this, pushdown.start());
    // Wide sets take longest: precomputed now rather than during decoding.
    grammar.program().wide(WIDE, MAX_WIDE).forEach(this::part);
    var _ = start.mask();
  }

  /** Returns the state before the first token. */
  public ConstraintState start() {
    return start;
  }

  /** Returns the number of token ids. */
  public int vocabularySize() {
    return texts.bytes.length;
  }

  /** Returns the mask of a state; it must not be modified. */
  long[] mask(Pushdown.State state) {
    long[] known = state.mask;
    return known != null ? known : computeMask(state);
  }

  private synchronized long[] computeMask(Pushdown.State state) {
    pushdown.allowWork();
    long[] bits = shortMask(state);
    walk(texts.longer, 0, state, bits, null);
    if (state.accepting) {
      or(bits, texts.ends);
    } else if (Arrays.stream(bits).allMatch(word -> word == 0)) {
      throw new InvalidInputException(
          "grammar", "", "requires a byte that no token of the tokenizer begins with");
    }
    remember(bits);
    state.mask = bits;
    return bits;
  }

  /** Computes the mask of short tokens, which equivalent states share. */
  private long[] shortMask(Pushdown.State state) {
    Pushdown.State representative = pushdown.representative(state);
    if (representative.shortMask == null) {
      long[] bits = new long[texts.ends.length];
      if (representative.items.size() > MAX_PARTS) {
        walk(texts.shorter, 0, representative, bits, null);
      } else {
        representative.items.forEach(item -> addItem(item, bits));
      }
      if (representative == state) {
        return bits;
      }
      remember(bits);
      representative.shortMask = bits;
    }
    return representative.shortMask.clone();
  }

  /** Adds the tokens allowed by an item: within its rule, and after each end of its rule. */
  private void addItem(Pushdown.Item item, long[] bits) {
    Part part = part(item.address());
    or(bits, part.bits);
    if (part.endings.length > 0) {
      Pushdown.State resumed = pushdown.resume(item.node());
      for (int node : part.endings) {
        walk(texts.shorter, node, resumed, bits, null);
      }
    }
  }

  private Part part(int address) {
    Part known = parts.get(address);
    if (known == null) {
      long[] bits = new long[texts.ends.length];
      IntStream.Builder endings = IntStream.builder();
      walk(texts.shorter, 0, pushdown.alone(address), bits, endings);
      known = new Part(bits, endings.build().toArray());
      remember(bits);
      maskBytes += known.endings.length * (long) Integer.BYTES;
      parts.put(address, known);
    }
    return known;
  }

  private void remember(long[] bits) {
    if (maskBytes > MAX_MASK_BYTES) {
      parts.clear();
      pushdown.clearMasks();
      maskBytes = 0;
    }
    maskBytes += bits.length * (long) Long.BYTES;
  }

  /**
   * Adds the tokens in a subtree if a state allows their remaining bytes.
   *
   * @param endings receives the nodes at which the text may end
   */
  private void walk(
      TokenTrie trie,
      int from,
      Pushdown.State state,
      long[] bits,
      IntStream.@Nullable Builder endings) {
    int base = trie.depth(from);
    path[base] = state;
    int end = trie.subtreeEnd(from);
    for (int node = from + 1; node < end; ) {
      int depth = trie.depth(node);
      Pushdown.State next = pushdown.next(path[depth - 1], trie.label(node));
      if (next.isDead()) {
        node = trie.subtreeEnd(node);
        continue;
      }
      path[depth] = next;
      trie.addTokens(node, bits);
      if (endings != null && next.accepting) {
        endings.add(node);
      }
      node = next.items.isEmpty() ? trie.subtreeEnd(node) : node + 1;
    }
  }

  private static void or(long[] bits, long[] more) {
    for (int i = 0; i < bits.length; i++) {
      bits[i] |= more[i];
    }
  }

  /** Returns the state after a token, or null if it is not allowed. */
  Pushdown.@Nullable State after(Pushdown.State state, int token) {
    if (token < 0 || token >= texts.bytes.length) {
      return null;
    }
    if (texts.isEnd(token)) {
      return state.accepting ? pushdown.ended() : null;
    }
    byte[] bytes = texts.bytes[token];
    if (bytes == null) {
      return null;
    }
    pushdown.allowWork();
    Pushdown.State next = state;
    for (byte value : bytes) {
      next = pushdown.next(next, Byte.toUnsignedInt(value));
      if (next.isDead()) {
        return null;
      }
    }
    return next;
  }
}
