package dev.vidrio.engine;

import dev.vidrio.engine.draft.Drafts;
import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.engine.sequence.PrefixCache;
import dev.vidrio.engine.sequence.TokenSequence;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.session.BatchRunner;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * The contents of the next step: the pending token of every sequence that generates, with its draft
 * tokens, and chunks of prompts. Cache blocks are reserved before anything is added, so that a
 * composed step can always run. Used by the scheduler's thread only.
 */
final class Step implements PrefixCache.Room {
  /** Pending tokens of one sequence, followed by its draft. */
  static final class Part {
    final RunningRequest active;
    final TokenSequence tokens;
    final int pending;
    final int[] draft;

    private Part(RunningRequest active, TokenSequence tokens, int pending, int[] draft) {
      this.active = active;
      this.tokens = tokens;
      this.pending = pending;
      this.draft = draft;
    }

    int size() {
      return pending + draft.length;
    }
  }

  /** A row of logits, after a position of a part's sequence. */
  record Row(Part part, int position) {}

  /** Time of a step for loading prefixes from disk while other sequences wait. */
  private static final long MAX_LOADING_NANOS = 10_000_000;

  private final KvCache cache;
  private final PrefixCache prefixes;
  private final Drafts drafts;
  private int freeRows;
  private int reserved;
  private int reservedSlots;
  private long sharingSince;

  /** The parts in their order. */
  final List<Part> parts = new ArrayList<>();

  /** The rows of logits in their order, after {@link #run}. */
  final List<Row> rows = new ArrayList<>();

  /** The session that runs the step and has its logits. */
  BatchRunner runner;

  /** The number of tokens that can still be added. */
  int freeTokens;

  /** The number of tokens of sequences that generate, including drafts. */
  int decoding;

  /** The number of tokens of sequences that do not generate yet. */
  int prompt;

  /** The time in which prefixes were looked up and loaded. */
  long loadingNanos;

  Step(Session session, PrefixCache prefixes, Drafts drafts) {
    this.runner = session;
    this.cache = session.cache();
    this.prefixes = prefixes;
    this.drafts = drafts;
  }

  /** Removes all parts. */
  void clear() {
    parts.clear();
    rows.clear();
  }

  /** Begins a new step. */
  void begin(BatchRunner next) {
    runner = next;
    clear();
    freeTokens = runner.limits().tokens();
    freeRows = runner.limits().logits();
    reserved = 0;
    reservedSlots = 0;
    decoding = 0;
    prompt = 0;
    loadingNanos = 0;
  }

  /** Returns whether a request is in the step. */
  boolean has(RunningRequest active) {
    return parts.stream().anyMatch(part -> part.active == active);
  }

  /**
   * Adds the pending token of a sequence that generates.
   *
   * @param preempt frees a block; if it returns false, the sequence is left out
   */
  void addToken(RunningRequest active, TokenSequence tokens, Predicate<RunningRequest> preempt) {
    if (freeTokens == 0 || freeRows == 0 || !reserve(active, tokens, 1, preempt)) {
      return;
    }
    Sequence sequence = tokens.sequence();
    int[] draft = draft(active, sequence);
    int more = sequence.blocksFor(1 + draft.length) - sequence.blocksFor(1);
    if (more > cache.freeBlocks() - reserved) {
      draft = new int[0];
    } else {
      reserved += more;
    }
    add(new Part(active, tokens, 1, draft), 1 + draft.length);
    decoding += 1 + draft.length;
  }

  /**
   * Adds a chunk of the pending tokens of a sequence.
   *
   * @param max maximum number of tokens
   * @param preempt as in {@link #addToken}
   */
  void addChunk(
      RunningRequest active, TokenSequence tokens, int max, Predicate<RunningRequest> preempt) {
    if (!share(tokens)) {
      return;
    }
    int position = tokens.sequence().length();
    int count = prefixes.chunk(tokens, Math.min(tokens.pending(), Math.min(max, freeTokens)));
    int wanted = 0;
    for (int i = 0; i < count; i++) {
      wanted += active.wantsLogits(tokens, position + i) ? 1 : 0;
      if (wanted > freeRows) {
        count = i;
        wanted = freeRows;
      }
    }
    if (count > 0 && reserve(active, tokens, count, preempt)) {
      add(new Part(active, tokens, count, new int[0]), wanted);
      prompt += count;
    }
  }

  /** Lets a sequence continue from a cached prefix; returns false if it must wait for the rest. */
  private boolean share(TokenSequence tokens) {
    long before = loadingNanos;
    sharingSince = System.nanoTime();
    boolean shared = prefixes.share(tokens, this);
    loadingNanos = before + System.nanoTime() - sharingSince;
    return shared;
  }

  @Override
  public boolean isLate() {
    long now = loadingNanos + System.nanoTime() - sharingSince;
    return !parts.isEmpty() && now > MAX_LOADING_NANOS;
  }

  @Override
  public boolean hasBlock() {
    while (cache.freeBlocks() <= reserved) {
      if (!prefixes.evict()) {
        return false;
      }
    }
    return true;
  }

  @Override
  public boolean hasSlot() {
    while (cache.freeSlots() <= reservedSlots) {
      if (!prefixes.evictSlot()) {
        return false;
      }
    }
    return true;
  }

  /** Returns the draft after the next token, as far as it fits and can be rolled back. */
  private int[] draft(RunningRequest active, Sequence sequence) {
    int position = sequence.length();
    int free = runner.limits().positions() - position;
    int room = Math.min(Math.min(free, sequence.revocableFrom(position)), freeTokens);
    int max = Math.min(active.maxDraftTokens(), Math.min(room, freeRows) - 1);
    return max <= 0 ? new int[0] : drafts.draft(active, max);
  }

  private void add(Part part, int logitRows) {
    parts.add(part);
    freeTokens -= part.size();
    freeRows -= logitRows;
  }

  private boolean reserve(
      RunningRequest active, TokenSequence tokens, int count, Predicate<RunningRequest> preempt) {
    Sequence sequence = tokens.sequence();
    while (sequence.blocksFor(count) > cache.freeBlocks() - reserved) {
      if (!prefixes.evict() && !prefixes.unshare(tokens) && !preempt.test(active)) {
        return false;
      }
    }
    reserved += sequence.blocksFor(count);
    reserveSlot(sequence);
    return true;
  }

  /**
   * Reserves a state slot. There are as many as sequences, apart from those of the prefix cache and
   * the one that is being written to disk.
   */
  private void reserveSlot(Sequence sequence) {
    reservedSlots += sequence.needsSlot() ? 1 : 0;
    while (reservedSlots > cache.freeSlots() && prefixes.evictSlot()) {}
  }

  /** Runs the step. */
  void run() {
    runner.begin();
    for (Part part : parts) {
      TokenSequence tokens = part.tokens;
      int position = tokens.sequence().length();
      for (int i = 0; i < part.size(); i++, position++) {
        boolean logits = part.active.wantsLogits(tokens, position);
        int token = i < part.pending ? tokens.token(position) : part.draft[i - part.pending];
        runner.add(tokens.sequence(), token, logits);
        if (logits) {
          rows.add(new Row(part, position));
        }
      }
    }
    runner.run();
  }
}
