package dev.vidrio.engine.text;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Sequence;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A text of a request, the prompt and the tokens generated so far, and the sequence that runs it.
 * Tokens that have run are in the sequence, the others are pending. A text that grows has one
 * pending token, one that begins has its prompt, one that lost its memory has all: they need no
 * other distinction. Belongs to the scheduler's thread.
 */
public final class Branch {
  private final GenerationRequest request;
  // What its keys and values depend on beside the tokens.
  private Object root;
  private int[] tokens;
  private int count;
  private @Nullable Sequence sequence;
  private PrefixCache.@Nullable Entry lastKept;
  private int kept;
  private int cachedTokens;
  private boolean stopped;

  /** The prompt of a request. */
  Branch(GenerationRequest request) {
    this.request = request;
    this.root = root(request);
    this.tokens = request.prompt();
    this.count = tokens.length;
  }

  private Object root(GenerationRequest of) {
    if (!of.edits().isEmpty()) {
      // Nobody else has these edits.
      return this;
    }
    return of.adaptation() == null ? of.cacheSalt() : List.of(of.cacheSalt(), of.adaptation());
  }

  /** The same text, all of whose tokens have run: it shares their keys and values. */
  Branch fork() {
    var fork = new Branch(request);
    fork.tokens = Arrays.copyOf(tokens, tokens.length);
    fork.count = count;
    fork.forkFrom(this);
    return fork;
  }

  /** Goes on from the sequence of a text that is the same. */
  void forkFrom(Branch other) {
    sequence = other.sequence().fork();
    root = other.root;
    lastKept = other.lastKept;
    kept = other.kept;
  }

  /**
   * Goes on from the sequence of another text, of which it shares the prompt; where the model has
   * states, that may be known no more, and it begins anew.
   */
  void rejoin(Branch other) {
    Sequence own = other.sequence().fork();
    own.truncate(request.promptTokens());
    begin(own);
  }

  /** Begins, or begins again after {@link #stop}. */
  void begin(Sequence own) {
    sequence = own;
  }

  /** Gives its memory back. */
  void stop() {
    if (sequence != null) {
      sequence.close();
      sequence = null;
    }
    lastKept = null;
    kept = 0;
    stopped = true;
  }

  /** Whether it has a sequence. */
  public boolean isRunning() {
    return sequence != null;
  }

  /** What runs it. */
  public Sequence sequence() {
    Sequence current = sequence;
    if (current == null) {
      throw new IllegalStateException("the text has no sequence");
    }
    return current;
  }

  /** Tokens that have run. */
  private int ran() {
    return sequence == null ? 0 : sequence.length();
  }

  /** Tokens that have not run. */
  public int pending() {
    return count - ran();
  }

  /** Free blocks of the cache that it takes to run what is pending and so many tokens more. */
  public int blocksFor(int more, int positions) {
    int tokens = Math.min(pending() + more, positions - ran());
    return sequence == null ? KvCache.blocksFor(tokens) : sequence.blocksFor(tokens);
  }

  /** Whether all tokens of the prompt have run. */
  boolean hasRunPrompt() {
    return ran() >= request.promptTokens();
  }

  /** The token at a position of the text. */
  public int token(int position) {
    return tokens[position];
  }

  /** The tokens from one position to before another. */
  public int[] tokens(int from, int to) {
    return Arrays.copyOfRange(tokens, from, to);
  }

  /** The last token of the text. */
  public int lastToken() {
    return tokens[count - 1];
  }

  /** The number of tokens of the text. */
  public int length() {
    return count;
  }

  /** Tokens that were generated. */
  public int generated() {
    return count - request.promptTokens();
  }

  /** Tokens of the prompt that were in the cache when it began first. */
  int cachedTokens() {
    return cachedTokens;
  }

  /** Adds a token that was generated. */
  void append(int token) {
    if (count == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * count);
    }
    tokens[count++] = token;
  }

  /** Takes blocks that others have left, as far as the text is the same. */
  public void share(PrefixCache prefixes) {
    Sequence current = sequence();
    if (request.promptLogProbabilities() >= 0 || request.watched()) {
      return;
    }
    // At least one token has to run, for its logits.
    while (current.length() == kept * KvCache.BLOCK && current.length() + KvCache.BLOCK < count) {
      PrefixCache.Entry found = prefixes.find(lastKept, root, tokens, current.length());
      if (found == null) {
        return;
      }
      current.append(found.block);
      lastKept = found;
      kept++;
      if (!stopped && current.length() <= request.promptTokens()) {
        cachedTokens += KvCache.BLOCK;
      }
    }
  }

  /** Leaves the blocks that it has filled to others. */
  public void keep(PrefixCache prefixes) {
    Sequence current = sequence();
    int known = Math.min(count, current.length());
    for (; (kept + 1) * KvCache.BLOCK <= known; kept++) {
      lastKept = prefixes.keep(lastKept, root, tokens, kept * KvCache.BLOCK, current.block(kept));
    }
  }

  /** Forgets what has run beyond the text: guesses that were wrong. */
  public void dropGuesses() {
    Sequence current = sequence();
    if (current.length() >= count) {
      int left = current.truncate(count - 1);
      assert left == count - 1 : "guesses that cannot be taken back";
    }
  }
}
