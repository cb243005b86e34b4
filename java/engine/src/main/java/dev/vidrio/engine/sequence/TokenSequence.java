package dev.vidrio.engine.sequence;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SequenceCheckpoint;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One token sequence of a request: the prompt, the tokens generated so far, and the {@link
 * Sequence} that runs them. Tokens that have run are in the sequence; the others are pending. While
 * generating, one token is pending; at the start, the prompt; after a preemption, all tokens. The
 * scheduler needs no other distinction. Used by the scheduler's thread only.
 */
public final class TokenSequence {
  /** The position of {@link #nextCheckpoint} if no checkpoint is planned. */
  static final int NO_CHECKPOINT = Integer.MAX_VALUE;

  private final GenerationRequest request;
  // The dependencies of keys and values other than the tokens.
  private Object root;
  private int[] tokens;
  private int count;
  private @Nullable Sequence sequence;
  private PrefixBlocks.@Nullable Entry lastKept;
  // Number of positions that the prefix cache holds.
  private int kept;
  private int nextCheckpoint = NO_CHECKPOINT;
  private int cachedTokens;
  // True if the rest of the prefix may be on disk.
  private boolean mayLoad = true;
  private boolean stopped;

  /** Creates the sequence of a prompt. */
  public TokenSequence(GenerationRequest request) {
    this.request = request;
    this.tokens = request.prompt();
    this.count = tokens.length;
    this.root = rootOfRequest();
  }

  private Object rootOfRequest() {
    if (!isShareable()) {
      // No other request has these edits.
      return this;
    }
    return new PrefixRoot(request.cacheSalt(), request.adaptation());
  }

  /** Returns a copy that shares the keys and values. All of its tokens have run. */
  public TokenSequence fork() {
    var fork = new TokenSequence(request);
    fork.tokens = Arrays.copyOf(tokens, tokens.length);
    fork.count = count;
    fork.forkFrom(this);
    return fork;
  }

  /** Continues from the cache of another sequence with the same tokens. */
  public void forkFrom(TokenSequence other) {
    sequence = other.sequence().fork();
    root = other.root;
    lastKept = other.lastKept;
    kept = other.kept;
  }

  /**
   * Continues from the prompt of another sequence of the same request, after a preemption. If the
   * recurrent states at its end are no longer known, the prompt runs again.
   */
  public void rejoin(TokenSequence other) {
    Sequence own = other.sequence().fork();
    own.truncate(request.promptTokens());
    begin(own);
  }

  /** Begins with an empty sequence, or begins again after {@link #stop}. */
  public void begin(Sequence own) {
    sequence = own;
  }

  /** Releases the memory. */
  public void stop() {
    if (sequence != null) {
      sequence.close();
      sequence = null;
    }
    lastKept = null;
    kept = 0;
    nextCheckpoint = NO_CHECKPOINT;
    mayLoad = true;
    stopped = true;
  }

  /** Returns whether there is a sequence that runs the tokens. */
  public boolean isRunning() {
    return sequence != null;
  }

  /**
   * Returns the sequence that runs the tokens.
   *
   * @throws IllegalStateException if there is none
   */
  public Sequence sequence() {
    Sequence current = sequence;
    if (current == null) {
      throw new IllegalStateException("the request is not running");
    }
    return current;
  }

  /** Returns the number of tokens that have run. */
  private int ran() {
    return sequence == null ? 0 : sequence.length();
  }

  /** Returns the number of tokens that have not run. */
  public int pending() {
    return count - ran();
  }

  /** Returns the free blocks needed to run the pending tokens and {@code more} after them. */
  public int blocksFor(int more, int positions) {
    int needed = Math.min(pending() + more, positions - ran());
    return sequence == null ? KvCache.blocksFor(needed) : sequence.blocksFor(needed);
  }

  /** Returns whether all tokens of the prompt have run. */
  public boolean hasRunPrompt() {
    return ran() >= request.promptTokens();
  }

  /** Returns the token at a position. */
  public int token(int position) {
    return tokens[position];
  }

  /** Returns the tokens at positions [from, to). */
  public int[] tokens(int from, int to) {
    return Arrays.copyOfRange(tokens, from, to);
  }

  /** Returns the last token. */
  public int lastToken() {
    return tokens[count - 1];
  }

  /** Returns the number of tokens. */
  public int length() {
    return count;
  }

  /** Returns the number of prompt tokens. */
  int promptTokens() {
    return request.promptTokens();
  }

  /** Returns the number of generated tokens. */
  public int generated() {
    return count - request.promptTokens();
  }

  /** Returns the number of prompt tokens that were in the prefix cache when the request began. */
  public int cachedTokens() {
    return cachedTokens;
  }

  /** Appends a generated token. */
  public void append(int token) {
    if (count == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * count);
    }
    tokens[count++] = token;
  }

  /** Returns whether other requests can use the computed prefix. */
  private boolean isShareable() {
    return request.edits().isEmpty();
  }

  /**
   * Returns whether the request may skip tokens that are cached: no result of them is requested.
   */
  private boolean mayShare() {
    return request.promptLogProbabilities() < 0 && !request.watched();
  }

  /**
   * Appends cached blocks, as far as their tokens are equal, first those in memory and then those
   * on disk.
   *
   * @return false if it must continue in the next step
   */
  boolean share(PrefixBlocks prefixes, PrefixCache.Room room) {
    Sequence current = sequence();
    if (!mayShare()) {
      return true;
    }
    // At least one token must run, for its logits.
    while (current.length() == kept && kept + KvCache.BLOCK < count) {
      PrefixBlocks.Entry found = prefixes.find(lastKept, root, tokens, kept);
      if (found == null && mayLoad) {
        if (room.isLate()) {
          return false;
        }
        found = prefixes.load(lastKept, root, tokens, kept, room);
        mayLoad = found != null;
      }
      if (found == null) {
        return true;
      }
      current.append(found.block);
      lastKept = found;
      shared(KvCache.BLOCK);
    }
    return true;
  }

  /** Returns whether a checkpoint may be on disk, once after each begin. */
  boolean mayLoadCheckpoint() {
    boolean may = mayLoad && mayShare();
    mayLoad = false;
    return may;
  }

  /** Returns the dependencies of keys and values other than the tokens. */
  Object root() {
    return root;
  }

  /** Adds full blocks to the prefix cache. */
  void keep(PrefixBlocks prefixes) {
    Sequence current = sequence();
    int known = Math.min(count, current.length());
    for (; kept + KvCache.BLOCK <= known; kept += KvCache.BLOCK) {
      int block = current.block(kept / KvCache.BLOCK);
      lastKept = prefixes.keep(lastKept, root, tokens, kept, block);
    }
  }

  /** Counts tokens that were taken from the prefix cache. */
  private void shared(int more) {
    kept = sequence().length();
    if (!stopped && kept <= request.promptTokens()) {
      cachedTokens += more;
    }
  }

  /** Returns the length from which a checkpoint would let this sequence continue, or 0. */
  int reach(PrefixCheckpoints.Kept other) {
    return mayShare() && root.equals(other.root()) ? other.checkpoint().reach(tokens, count) : 0;
  }

  /** Returns the length of the common prefix of the prompt and a checkpoint. */
  int common(PrefixCheckpoints.Kept other) {
    return root.equals(other.root())
        ? other.checkpoint().common(tokens, request.promptTokens())
        : 0;
  }

  /** Returns the length of the common prefix of the prompt and another sequence. */
  int common(TokenSequence other) {
    if (other == this || !root.equals(other.root)) {
      return 0;
    }
    int end = request.promptTokens();
    int mismatch = Arrays.mismatch(tokens, 0, end, other.tokens, 0, other.count);
    return mismatch < 0 ? end : mismatch;
  }

  /** Returns whether a checkpoint covers all tokens that have run. */
  boolean isKept(PrefixCheckpoints.Kept other) {
    int ran = ran();
    SequenceCheckpoint checkpoint = other.checkpoint();
    return root.equals(other.root())
        && checkpoint.firstReachable() <= ran
        && checkpoint.common(tokens, ran) == ran;
  }

  /** Continues from the first tokens of a checkpoint, which has more than have run. */
  void restore(SequenceCheckpoint checkpoint, int length) {
    int before = ran();
    int left = sequence().restore(checkpoint, length);
    assert left == length : "the checkpoint does not reach " + length;
    shared(length - before);
  }

  /** Takes a checkpoint of the tokens that have run. */
  PrefixCheckpoints.Kept checkpoint() {
    return new PrefixCheckpoints.Kept(root, sequence().checkpoint(tokens));
  }

  /** Records that the prefix cache has all tokens that have run. */
  void markKept() {
    kept = ran();
  }

  /** Returns whether a checkpoint at a position would save enough tokens beyond earlier ones. */
  boolean isWorthKeeping(int position) {
    return isShareable() && position - kept >= SequenceCheckpoint.MIN_TOKENS;
  }

  /** Returns the position of the next checkpoint, or {@link #NO_CHECKPOINT}. */
  int nextCheckpoint() {
    return nextCheckpoint;
  }

  void setNextCheckpoint(int position) {
    nextCheckpoint = position;
  }

  /** Removes rejected draft tokens from the sequence. */
  public void rollbackDraft() {
    Sequence current = sequence();
    if (current.length() >= count) {
      int left = current.truncate(count - 1);
      assert left == count - 1 : "draft tokens cannot be rolled back";
    }
  }
}
