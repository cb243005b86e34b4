package dev.vidrio.engine;

import dev.vidrio.engine.draft.Drafts;
import dev.vidrio.engine.text.Active;
import dev.vidrio.engine.text.Branch;
import dev.vidrio.engine.text.PrefixCache;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.BatchFeed;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.Session;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * What the next step runs: the pending token of every sequence that generates, with what is guessed
 * to come after it, and chunks of prompts. Blocks of the cache are counted before anything is added
 * to the step, so that a step that was put together can run. For one thread.
 */
final class Step {
  /** Tokens of a text: some of those that are pending, and some guessed to come after them. */
  static final class Part {
    final Active active;
    final Branch branch;
    final int pending;
    final int[] draft;

    private Part(Active active, Branch branch, int pending, int[] draft) {
      this.active = active;
      this.branch = branch;
      this.pending = pending;
      this.draft = draft;
    }

    int tokens() {
      return pending + draft.length;
    }
  }

  /** A row of logits: the one after a position of a part's text. */
  record Row(Part part, int position) {}

  private final KvCache cache;
  private final PrefixCache prefixes;
  private final Drafts drafts;
  private final List<Part> parts = new ArrayList<>();
  private final List<Row> rows = new ArrayList<>();
  private BatchFeed feed;
  private int tokenRoom;
  private int rowRoom;
  private int reserved;
  private int reservedSlots;
  private int decoding;
  private int prompt;

  Step(Session session, PrefixCache prefixes, Drafts drafts) {
    this.feed = session;
    this.cache = session.cache();
    this.prefixes = prefixes;
    this.drafts = drafts;
  }

  /** Has nothing in it. */
  void clear() {
    parts.clear();
    rows.clear();
  }

  /** Begins anew, for what will run it. */
  void begin(BatchFeed next) {
    feed = next;
    clear();
    tokenRoom = feed.limits().tokens();
    rowRoom = feed.limits().logits();
    reserved = 0;
    reservedSlots = 0;
    decoding = 0;
    prompt = 0;
  }

  /** What runs it, and has its logits. */
  BatchFeed feed() {
    return feed;
  }

  /** What it runs. */
  List<Part> parts() {
    return parts;
  }

  /** The rows of logits, in their order, after {@link #run}. */
  List<Row> rows() {
    return rows;
  }

  /** Tokens that it has room for. */
  int room() {
    return tokenRoom;
  }

  /** Tokens of requests that generate, guesses included. */
  int decoding() {
    return decoding;
  }

  /** Tokens of requests that do not generate yet. */
  int prompt() {
    return prompt;
  }

  /** Whether a request is in it. */
  boolean has(Active active) {
    return parts.stream().anyMatch(part -> part.active == active);
  }

  /**
   * Adds the pending token of a text that grows.
   *
   * @param makeRoom frees a block somewhere; false when it cannot, and the text is left out
   */
  void addToken(Active active, Branch branch, Predicate<Active> makeRoom) {
    if (tokenRoom == 0 || rowRoom == 0 || !reserve(active, branch, 1, makeRoom)) {
      return;
    }
    int[] draft = guess(active, branch.sequence());
    int more = branch.sequence().blocksFor(1 + draft.length) - branch.sequence().blocksFor(1);
    if (more > cache.freeBlocks() - reserved) {
      draft = new int[0];
    } else {
      reserved += more;
    }
    add(new Part(active, branch, 1, draft), 1 + draft.length);
    decoding += 1 + draft.length;
  }

  /**
   * Adds a chunk of the pending tokens of a text.
   *
   * @param most tokens
   * @param makeRoom as in {@link #addToken}
   */
  void addChunk(Active active, Branch branch, int most, Predicate<Active> makeRoom) {
    prefixes.share(branch);
    int position = branch.sequence().length();
    int tokens = prefixes.chunk(branch, Math.min(branch.pending(), Math.min(most, tokenRoom)));
    int wanted = 0;
    for (int i = 0; i < tokens; i++) {
      wanted += active.wantsLogits(branch, position + i) ? 1 : 0;
      if (wanted > rowRoom) {
        tokens = i;
        wanted = rowRoom;
      }
    }
    if (tokens > 0 && reserve(active, branch, tokens, makeRoom)) {
      add(new Part(active, branch, tokens, new int[0]), wanted);
      prompt += tokens;
    }
  }

  /** What may come after the next token of a sequence, as far as it fits and can be taken back. */
  private int[] guess(Active active, Sequence sequence) {
    int position = sequence.length();
    int free = feed.limits().positions() - position;
    int room = Math.min(Math.min(free, sequence.revocableFrom(position)), tokenRoom);
    int most = Math.min(active.guesses(), Math.min(room, rowRoom) - 1);
    return most <= 0 ? new int[0] : drafts.guess(active, most);
  }

  private void add(Part part, int logitRows) {
    parts.add(part);
    tokenRoom -= part.tokens();
    rowRoom -= logitRows;
  }

  private boolean reserve(Active active, Branch branch, int tokens, Predicate<Active> makeRoom) {
    Sequence sequence = branch.sequence();
    while (sequence.blocksFor(tokens) > cache.freeBlocks() - reserved) {
      if (!prefixes.evict() && !prefixes.unshare(branch) && !makeRoom.test(active)) {
        return false;
      }
    }
    reserved += sequence.blocksFor(tokens);
    reserveSlot(sequence);
    return true;
  }

  /** There are as many slots as sequences, but for those that others have been left. */
  private void reserveSlot(Sequence sequence) {
    reservedSlots += sequence.needsSlot() ? 1 : 0;
    while (reservedSlots > cache.freeSlots() && prefixes.evictSlot()) {}
  }

  /** Runs it. */
  void run() {
    feed.begin();
    for (Part part : parts) {
      Branch branch = part.branch;
      int position = branch.sequence().length();
      for (int i = 0; i < part.tokens(); i++, position++) {
        boolean logits = part.active.wantsLogits(branch, position);
        int token = i < part.pending ? branch.token(position) : part.draft[i - part.pending];
        feed.add(branch.sequence(), token, logits);
        if (logits) {
          rows.add(new Row(part, position));
        }
      }
    }
    feed.run();
  }
}
