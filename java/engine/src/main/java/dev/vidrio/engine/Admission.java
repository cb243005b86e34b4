package dev.vidrio.engine;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.pace.Answers;
import dev.vidrio.engine.text.Active;
import dev.vidrio.engine.text.Branch;
import dev.vidrio.engine.text.PrefixCache;
import dev.vidrio.error.InvalidInputException;
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
        && lens.hasRoom(next.request())
        && hasRoomFor(next.request().adaptation())
        && fits(next, running);
  }

  private boolean hasRoomFor(@Nullable Adaptation adaptation) {
    return adaptation == null || session.hasRoomFor(adaptation.adapter());
  }

  private boolean fits(Active next, List<Active> running) {
    long needed = expectedBlocks(next);
    for (Active active : running) {
      needed += expectedBlocks(active);
    }
    return running.isEmpty() || needed <= cache.freeBlocks() + prefixes.evictable();
  }

  /** Blocks that a request is likely to take yet: what is pending, and the rest of each text. */
  private long expectedBlocks(Active active) {
    int generated = active.first().generated();
    int more = Math.min(answers.remainingTokens(active), positions);
    List<Branch> branches = active.branches();
    long blocks = branches.isEmpty() ? active.first().blocksFor(more, positions) : 0;
    for (Branch branch : branches) {
      blocks += branch.blocksFor(more, positions);
    }
    int others = active.places() - Math.max(1, branches.size());
    return blocks + (long) others * KvCache.blocksFor(Math.min(positions, generated + more));
  }

  /**
   * Checks that a beam search fits where it runs alone; by any thread.
   *
   * @throws InvalidInputException when it may not
   */
  void check(GenerationRequest request) {
    BeamOptions beams = request.beams();
    if (beams == null) {
      return;
    }
    // Its beams share the full blocks of the prompt, whatever happens; but with states each has its
    // own after a preemption. The last token does not run.
    int shared = cache.slots() > 0 ? 0 : request.promptTokens() / KvCache.BLOCK;
    long tokens = (long) request.promptTokens() + request.options().tokens() - 1;
    int whole = KvCache.blocksFor((int) Math.min(positions, tokens));
    long needed = shared + (long) beams.width() * (whole - shared);
    if (needed > cache.blocks()) {
      throw new InvalidInputException(
          "beams",
          Integer.toString(beams.width()),
          "may need "
              + needed
              + " blocks of the key-value cache, which has "
              + cache.blocks()
              + ": fewer beams or tokens fit");
    }
  }
}
