package dev.vidrio.engine.draft;

import dev.vidrio.engine.request.RunningRequest;
import java.util.HashMap;
import java.util.Map;

/**
 * Proposes the tokens that followed the longest earlier occurrence of the last tokens of a sequence
 * (prompt lookup decoding: Saxena 2023; Yang et al. 2023, arXiv 2304.04487). The support of a draft
 * is the length of the occurrence.
 */
final class PromptLookup implements Drafter {
  private final Map<RunningRequest, NgramIndex> indexes = new HashMap<>();

  @Override
  public int support(RunningRequest active) {
    NgramIndex index = indexes.computeIfAbsent(active, ignored -> new NgramIndex());
    index.find(active.tokens());
    return index.length() == 0 ? NO_DRAFT : index.length();
  }

  @Override
  public double tokenNanos(int sequences) {
    return 0;
  }

  @Override
  public double catchUpNanos(RunningRequest active) {
    return 0;
  }

  @Override
  public void prepare(Map<RunningRequest, Integer> lengths) {
    // Drafts cost no time.
  }

  @Override
  public int[] draft(RunningRequest active, int max) {
    NgramIndex index = indexes.get(active);
    return index == null || index.length() == 0
        ? new int[0]
        : index.following(active.tokens(), max);
  }

  @Override
  public void end(RunningRequest active) {
    indexes.remove(active);
  }

  @Override
  public void close() {
    indexes.clear();
  }
}
