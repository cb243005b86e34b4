package dev.vidrio.engine;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Adaptation;
import dev.vidrio.model.Session;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whether one more request may begin: there is a place for each of its sequences, and the memory is
 * likely to last, by the length of the answers so far. For one thread.
 */
final class Admission {
  private final int sequences;
  private final Session session;
  private final KvCache cache;
  private final PrefixCache prefixes;
  private final LensSteps lens;
  private final Answers answers;
  private final int positions;

  /**
   * @param sequences that may run at a time
   */
  Admission(int sequences, Session session, PrefixCache prefixes, LensSteps lens, Answers answers) {
    this.sequences = sequences;
    this.session = session;
    this.cache = session.cache();
    this.prefixes = prefixes;
    this.lens = lens;
    this.answers = answers;
    this.positions = positions(session);
  }

  /** Positions that a sequence can have: those of the context, as far as there is memory. */
  static int positions(Session session) {
    long room = (long) session.cache().blocks() * KvCache.BLOCK;
    return (int) Math.min(room, session.limits().positions());
  }

  /** Whether a request may begin beside those that run. */
  boolean admits(Active next, List<Active> running) {
    int taken = running.stream().mapToInt(Active::places).sum();
    return next.places() <= sequences - taken
        && lens.hasRoom(next.request)
        && hasRoomFor(next.request.adaptation())
        && fits(next, running);
  }

  private boolean hasRoomFor(@Nullable Adaptation adaptation) {
    return adaptation == null || session.hasRoomFor(adaptation.adapter());
  }

  private boolean fits(Active next, List<Active> running) {
    long needed = KvCache.blocksFor(Math.min(positions, next.pending() + expected(next)));
    for (Active active : running) {
      int more =
          Math.min(active.pending() + expected(active), positions - active.sequence().length());
      needed += active.sequence().blocksFor(more);
    }
    return running.isEmpty() || needed <= cache.freeBlocks() + prefixes.evictable();
  }

  private int expected(Active active) {
    int most = active.request.options().tokens();
    int likely = Math.min(most, answers.meanTokens(most));
    return Math.max(0, likely - active.generated()) * active.places();
  }
}
