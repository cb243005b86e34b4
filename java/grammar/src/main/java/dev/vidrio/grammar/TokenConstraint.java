package dev.vidrio.grammar;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A {@link Grammar} over the tokens of a tokenizer:
 *
 * {@snippet file="GenerationExamples.java" region="constraint"}
 *
 * <p>A token is allowed if its bytes can come next, however the text is cut into tokens, even
 * within a character. Special tokens are never allowed, except that end tokens are allowed exactly
 * when the text is complete. The mask of a state is computed on first use and cached; the part that
 * depends only on a rule is shared by all calls of the rule (Dong et al., XGrammar, arXiv
 * 2411.15100).
 *
 * <p>Thread-safe. The cache is limited to about 16 MB.
 */
public final class TokenConstraint {

  private static final long MAX_MASK_BYTES = 8L << 20;

  /** Bytes that a place takes above which it is looked at ahead of time, and how many are. */
  private static final int WIDE = 48;

  private static final int MAX_WIDE = 16;

  /** More places than these are walked together. */
  private static final int MAX_PARTS = 24;

  /** What a place allows on its own. */
  private static final class Part {
    /** Short tokens that stay within the rule, or reach its end with their last byte. */
    private final long[] bits;

    /** Nodes of the tree at which the rule may have ended. */
    private final int[] endings;

    private Part(long[] bits, int[] endings) {
      this.bits = bits;
      this.endings = endings;
    }
  }

  private final TokenTexts texts;
  private final Pushdown pushdown;
  private final ConstraintState start;
  private final Map<Integer, Part> parts = new HashMap<>();
  private final Pushdown.State[] path;
  private long maskBytes;

  /**
   * Puts a grammar and a tokenizer together, and finds out what may come first.
   *
   * @throws InvalidInputException when the tokenizer has no token to begin with
   */
  public static TokenConstraint of(Grammar grammar, Tokenizer tokenizer) {
    return new TokenConstraint(grammar, new TokenTexts(tokenizer));
  }

  TokenConstraint(Grammar grammar, TokenTexts texts) {
    this.texts = texts;
    this.pushdown = new Pushdown(grammar.program());
    int depth = Math.max(texts.shorter().maxDepth(), texts.longer().maxDepth());
    this.path = new Pushdown.State[depth + 1];
    this.start = new ConstraintState(this, pushdown.start());
    // What is wide takes longest: rather now than while a model waits.
    grammar.program().wide(WIDE, MAX_WIDE).forEach(this::part);
    var _ = start.mask();
  }

  /** The state before the first token. */
  public ConstraintState start() {
    return start;
  }

  /** The number of tokens. */
  public int vocabularySize() {
    return texts.vocabularySize();
  }

  /** The tokens that a state allows, as bits that nobody changes. */
  long[] mask(Pushdown.State state) {
    long[] known = state.mask;
    return known != null ? known : computeMask(state);
  }

  private synchronized long[] computeMask(Pushdown.State state) {
    pushdown.allowWork();
    long[] bits = shortMask(state);
    walk(texts.longer(), 0, state, bits, null);
    if (state.accepting) {
      or(bits, texts.ends());
    } else if (Arrays.stream(bits).allMatch(word -> word == 0)) {
      throw new InvalidInputException(
          "grammar", "", "asks for a byte that none of the tokenizer's tokens begins with");
    }
    remember(bits);
    state.mask = bits;
    return bits;
  }

  /** The short tokens that a state allows: the same for all states that are alike. */
  private long[] shortMask(Pushdown.State state) {
    Pushdown.State alike = pushdown.alike(state);
    if (alike.shortMask == null) {
      long[] bits = new long[texts.ends().length];
      if (alike.items.size() > MAX_PARTS) {
        walk(texts.shorter(), 0, alike, bits, null);
      } else {
        alike.items.forEach(item -> addItem(item, bits));
      }
      if (alike == state) {
        return bits;
      }
      remember(bits);
      alike.shortMask = bits;
    }
    return alike.shortMask.clone();
  }

  /** Adds what a place allows: on its own, and behind each end of its rule. */
  private void addItem(Pushdown.Item item, long[] bits) {
    Part part = part(item.place());
    or(bits, part.bits);
    if (part.endings.length > 0) {
      Pushdown.State resumed = pushdown.resume(item.node());
      for (int node : part.endings) {
        walk(texts.shorter(), node, resumed, bits, null);
      }
    }
  }

  private Part part(int place) {
    Part known = parts.get(place);
    if (known == null) {
      long[] bits = new long[texts.ends().length];
      IntStream.Builder endings = IntStream.builder();
      walk(texts.shorter(), 0, pushdown.alone(place), bits, endings);
      known = new Part(bits, endings.build().toArray());
      remember(bits);
      maskBytes += known.endings.length * (long) Integer.BYTES;
      parts.put(place, known);
    }
    return known;
  }

  private void remember(long[] bits) {
    if (maskBytes > MAX_MASK_BYTES) {
      parts.clear();
      pushdown.forgetMasks();
      maskBytes = 0;
    }
    maskBytes += bits.length * (long) Long.BYTES;
  }

  /**
   * Adds the tokens below a node of the tree whose bytes, from there on, a state allows.
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
    int end = trie.behind(from);
    for (int node = from + 1; node < end; ) {
      int depth = trie.depth(node);
      Pushdown.State next = pushdown.next(path[depth - 1], trie.label(node));
      if (next.isDead()) {
        node = trie.behind(node);
        continue;
      }
      path[depth] = next;
      trie.addTokens(node, bits);
      if (endings != null && next.accepting) {
        endings.add(node);
      }
      node = next.items.isEmpty() ? trie.behind(node) : node + 1;
    }
  }

  private static void or(long[] bits, long[] more) {
    for (int i = 0; i < bits.length; i++) {
      bits[i] |= more[i];
    }
  }

  /** The state after a token; null when it is not allowed. */
  Pushdown.@Nullable State after(Pushdown.State state, int token) {
    if (token < 0 || token >= texts.vocabularySize()) {
      return null;
    }
    if (texts.isEnd(token)) {
      return state.accepting ? pushdown.ended() : null;
    }
    byte[] bytes = texts.bytes(token);
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
