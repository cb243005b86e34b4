package dev.vidrio.engine.draft;

import dev.vidrio.engine.pace.StepCosts;
import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.DraftPlan;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Proposes the most likely tokens of a draft block: the model's own block for multi-token
 * prediction, or an EAGLE-3 head. It runs the sequences of the requests themselves, over the cache
 * of the engine, a token at a time and those of all requests together, and removes its tokens
 * again. The steps of the model keep the cache of the block up to date, so that it never has to
 * catch up.
 */
final class BlockDrafter implements Drafter {
  /** The support of a draft, as that of a draft model, until its acceptance is measured. */
  private static final int SUPPORT = 6;

  private final DraftPlan block;
  private final Session session;
  private final StepCosts costs;
  private final Map<RunningRequest, Draft> drafts = new HashMap<>();

  /** The draft of one request. */
  private static final class Draft {
    final Sequence sequence;
    final int length;
    final int[] ids;
    int last;
    int count;

    /**
     * Creates an empty draft.
     *
     * @param last the pending token of the request
     */
    Draft(Sequence sequence, int last, int wanted) {
      this.sequence = sequence;
      this.length = sequence.length();
      this.last = last;
      this.ids = new int[wanted];
    }

    boolean isComplete() {
      return count == ids.length;
    }

    void append(int token) {
      ids[count++] = token;
      last = token;
    }

    int[] tokens(int max) {
      return Arrays.copyOf(ids, Math.min(max, count));
    }

    /** Removes the tokens that the block has run, unless a failed step has. */
    void rollBack() {
      if (sequence.length() > length) {
        int left = sequence.truncate(length);
        assert left == length : "draft tokens cannot be rolled back";
      }
    }
  }

  /**
   * Opens a session of the block.
   *
   * @param shared the session that runs the steps of the model
   */
  BlockDrafter(Model model, DraftPlan block, Session shared) {
    this.block = block;
    int sequences = shared.limits().sequences();
    // The number of logits must not exceed the batch at any time.
    SessionOptions options = shared.options().withLogits(1).withBatch(sequences);
    this.session = model.newSession(options.withLogits(sequences), block.plan(), shared);
    this.costs = new StepCosts(sequences);
  }

  @Override
  public int support(RunningRequest active) {
    return SUPPORT;
  }

  @Override
  public double tokenNanos(int sequences) {
    return costs.nanos(sequences);
  }

  @Override
  public double catchUpNanos(RunningRequest active) {
    return 0;
  }

  @Override
  public void prepare(Map<RunningRequest, Integer> lengths) {
    drafts.clear();
    List<Draft> unfinished = new ArrayList<>();
    lengths.forEach(
        (active, wanted) -> {
          Sequence sequence = active.tokens().sequence();
          int free = session.limits().positions() - sequence.length();
          var draft = new Draft(sequence, active.tokens().lastToken(), Math.min(wanted, free));
          drafts.put(active, draft);
          unfinished.add(draft);
        });
    try {
      unfinished.removeIf(Draft::isComplete);
      while (!unfinished.isEmpty()) {
        step(unfinished);
      }
    } finally {
      drafts.values().forEach(Draft::rollBack);
    }
  }

  /** Drafts one more token of each draft, and removes those that are complete or have no room. */
  private void step(List<Draft> unfinished) {
    KvCache cache = session.cache();
    session.begin();
    List<Draft> added = new ArrayList<>();
    for (Draft draft : unfinished) {
      boolean fits =
          draft.sequence.blocksFor(1) <= cache.freeBlocks()
              && !(draft.sequence.needsSlot() && cache.freeSlots() == 0);
      if (fits) {
        session.add(draft.sequence, draft.last, true);
        added.add(draft);
      }
    }
    unfinished.clear();
    if (added.isEmpty()) {
      return;
    }
    long start = System.nanoTime();
    session.run();
    for (int row = 0; row < added.size(); row++) {
      Draft draft = added.get(row);
      draft.append(block.token(session.candidates(row).id(0)));
      if (!draft.isComplete()) {
        unfinished.add(draft);
      }
    }
    costs.observe(added.size(), (double) (System.nanoTime() - start));
  }

  @Override
  public int[] draft(RunningRequest active, int max) {
    Draft draft = drafts.get(active);
    // A draft of an earlier step has been compared already.
    return draft == null || draft.length + 1 < active.tokens().length()
        ? new int[0]
        : draft.tokens(max);
  }

  @Override
  public void end(RunningRequest active) {
    drafts.remove(active);
  }

  @Override
  public void close() {
    session.close();
  }
}
