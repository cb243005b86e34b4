package dev.vidrio.engine.text;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Checkpoint;
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
  /** In the place of a position that no text comes to. */
  static final int NO_CHECKPOINT = Integer.MAX_VALUE;

  private final GenerationRequest request;
  // What its keys and values depend on beside the tokens.
  private Object root;
  private int[] tokens;
  private int count;
  private @Nullable Sequence sequence;
  private PrefixBlocks.@Nullable Entry lastKept;
  // Positions of which something is kept for others, and the next place for a checkpoint, if any.
  private int kept;
  private int nextCheckpoint = NO_CHECKPOINT;
  private int cachedTokens;
  private boolean stopped;

  /** The prompt of a request. */
  Branch(GenerationRequest request) {
    this.request = request;
    this.tokens = request.prompt();
    this.count = tokens.length;
    this.root = rootOfRequest();
  }

  private Object rootOfRequest() {
    if (!isShareable()) {
      // Nobody else has these edits.
      return this;
    }
    String salt = request.cacheSalt();
    return request.adaptation() == null ? salt : List.of(salt, request.adaptation());
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
    nextCheckpoint = NO_CHECKPOINT;
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

  /** The number of tokens of its prompt. */
  int promptTokens() {
    return request.promptTokens();
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

  /** Whether others can use what it has computed. */
  private boolean isShareable() {
    return request.edits().isEmpty();
  }

  /** Whether it can use what others have computed: nobody wants to see all that it computes. */
  private boolean mayShare() {
    return request.promptLogProbabilities() < 0 && !request.watched();
  }

  /** Takes blocks that others have left, as far as the text is the same. */
  void share(PrefixBlocks prefixes) {
    Sequence current = sequence();
    if (!mayShare()) {
      return;
    }
    // At least one token has to run, for its logits.
    while (current.length() == kept && kept + KvCache.BLOCK < count) {
      PrefixBlocks.Entry found = prefixes.find(lastKept, root, tokens, kept);
      if (found == null) {
        return;
      }
      current.append(found.block);
      lastKept = found;
      shared(KvCache.BLOCK);
    }
  }

  /** Leaves the blocks that it has filled to others. */
  void keep(PrefixBlocks prefixes) {
    Sequence current = sequence();
    int known = Math.min(count, current.length());
    for (; kept + KvCache.BLOCK <= known; kept += KvCache.BLOCK) {
      int block = current.block(kept / KvCache.BLOCK);
      lastKept = prefixes.keep(lastKept, root, tokens, kept, block);
    }
  }

  /** Has more tokens that others have run. */
  private void shared(int more) {
    kept = sequence().length();
    if (!stopped && kept <= request.promptTokens()) {
      cachedTokens += more;
    }
  }

  /** How far it would be with a checkpoint of a text with some root. */
  int reach(PrefixCheckpoints.Kept other) {
    return mayShare() && root.equals(other.root()) ? other.checkpoint().reach(tokens, count) : 0;
  }

  /** How many tokens of the prompt it has in common with the text of a checkpoint. */
  int common(PrefixCheckpoints.Kept other) {
    return root.equals(other.root())
        ? other.checkpoint().common(tokens, request.promptTokens())
        : 0;
  }

  /** How many tokens of the prompt it has in common with another text. */
  int common(Branch other) {
    if (other == this || !root.equals(other.root)) {
      return 0;
    }
    int end = request.promptTokens();
    int mismatch = Arrays.mismatch(tokens, 0, end, other.tokens, 0, other.count);
    return mismatch < 0 ? end : mismatch;
  }

  /** Whether a checkpoint has all that has run of it. */
  boolean isKept(PrefixCheckpoints.Kept other) {
    int ran = ran();
    Checkpoint checkpoint = other.checkpoint();
    return root.equals(other.root())
        && checkpoint.firstReachable() <= ran
        && checkpoint.common(tokens, ran) == ran;
  }

  /** Goes on from the first tokens of a checkpoint that has more of them than have run. */
  void restore(Checkpoint checkpoint, int length) {
    int before = ran();
    int left = sequence().restore(checkpoint, length);
    assert left == length : "a checkpoint that does not reach as far";
    shared(length - before);
  }

  /** Leaves what has run of it to others. */
  PrefixCheckpoints.Kept checkpoint() {
    return new PrefixCheckpoints.Kept(root, sequence().checkpoint(tokens));
  }

  /** Notes that others have what has run of it. */
  void markKept() {
    kept = ran();
  }

  /** Whether a checkpoint at a place would spare enough, after those before it. */
  boolean isWorthKeeping(int place) {
    return isShareable() && place - kept >= Checkpoint.LEAST;
  }

  /** Where the next checkpoint is to be taken; {@link #NO_CHECKPOINT} where none is known. */
  int nextCheckpoint() {
    return nextCheckpoint;
  }

  void setNextCheckpoint(int place) {
    nextCheckpoint = place;
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
