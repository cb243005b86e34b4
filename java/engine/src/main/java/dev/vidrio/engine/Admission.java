package dev.vidrio.engine;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.pace.CompletionStats;
import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.engine.sequence.PrefixCache;
import dev.vidrio.engine.sequence.TokenSequence;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.session.Session;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether one more request may begin: there is a slot for each of its sequences, and the
 * memory is likely to suffice, estimated by the length of recent answers. Used by the scheduler's
 * thread only, except {@link #check}.
 *
 * @param sequences maximum number of running sequences
 * @param session the session that runs the requests
 * @param prefixes the prefix cache
 * @param lens captures and edits activations
 * @param stats lengths of recent answers
 */
record Admission(
    int sequences, Session session, PrefixCache prefixes, LensSteps lens, CompletionStats stats) {

  /** Returns the maximum length of a sequence: the context length, limited by the cache. */
  static int positions(Session session) {
    long cached = (long) session.cache().blocks() * KvCache.BLOCK;
    return (int) Math.min(cached, session.limits().positions());
  }

  /** Returns whether a request may begin while others run. */
  boolean admits(RunningRequest next, List<RunningRequest> running) {
    int taken = running.stream().mapToInt(RunningRequest::maxSequences).sum();
    return next.maxSequences() <= sequences - taken
        && lens.hasCapacity(next.request())
        && hasCapacity(next.request().adaptation())
        && fits(next, running);
  }

  private boolean hasCapacity(@Nullable Adaptation adaptation) {
    return adaptation == null || session.hasRoomFor(adaptation.adapter());
  }

  private boolean fits(RunningRequest next, List<RunningRequest> running) {
    long needed = expectedBlocks(next) + running.stream().mapToLong(this::expectedBlocks).sum();
    return running.isEmpty() || needed <= session.cache().freeBlocks() + prefixes.evictable();
  }

  /** Estimates the blocks that a request will still need: its pending tokens and the answer. */
  private long expectedBlocks(RunningRequest active) {
    int positions = positions(session);
    int generated = active.first().generated();
    int more = Math.min(stats.remainingTokens(active), positions);
    List<TokenSequence> started = active.sequences();
    long blocks =
        started.isEmpty()
            ? active.first().blocksFor(more, positions)
            : started.stream().mapToLong(tokens -> tokens.blocksFor(more, positions)).sum();
    int others = active.maxSequences() - Math.max(1, started.size());
    return blocks + (long) others * KvCache.blocksFor(Math.min(positions, generated + more));
  }

  /**
   * Checks that a beam search fits the cache when it runs alone. Thread-safe.
   *
   * @throws InvalidInputException if it may need more blocks than there are
   */
  void check(GenerationRequest request) {
    BeamOptions beams = request.beams();
    if (beams == null) {
      return;
    }
    KvCache cache = session.cache();
    // Beams always share the full blocks of the prompt, except with recurrent states, where each
    // beam
    // has its own after a preemption. The last token does not run.
    int shared = cache.slots() > 0 ? 0 : request.promptTokens() / KvCache.BLOCK;
    long tokens = (long) request.promptTokens() + request.options().tokens() - 1;
    int whole = KvCache.blocksFor((int) Math.min(positions(session), tokens));
    long needed = shared + (long) beams.width() * (whole - shared);
    if (needed > cache.blocks()) {
      throw new InvalidInputException(
          "beams",
          beams.width(),
          "may need %s blocks of the key-value cache, which has %s: use fewer beams or tokens"
              .formatted(needed, cache.blocks()));
    }
  }
}
