package dev.vidrio.engine.text;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Checkpoint;
import dev.vidrio.model.Sequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * Keeps checkpoints of texts of models with states, which blocks do not hold. They are taken where
 * others are likely to go on: near the end of a prompt, at the end of an answer, and where a prompt
 * parts from another one (Pan et al. 2024, arXiv 2411.19379). There are at most as many as slots,
 * so that all are compared. What was not used for the longest time goes first. For one thread.
 */
final class PrefixCheckpoints implements PrefixCache {
  /**
   * A checkpoint that is kept.
   *
   * @param root what its keys, values and states depend on beside the tokens
   */
  record Kept(Object root, Checkpoint checkpoint) {}

  private final KvCache cache;
  private final Collection<Active> running;
  // From the one that was not used for the longest time to the one used last.
  private final List<Kept> all = new ArrayList<>();
  // How often they own a block or a slot.
  private final int[] ownedBlocks;
  private final int[] ownedSlots;

  PrefixCheckpoints(KvCache cache, Collection<Active> running) {
    this.cache = cache;
    this.running = running;
    this.ownedBlocks = new int[cache.blocks()];
    this.ownedSlots = new int[cache.slots()];
  }

  @Override
  public void share(Branch branch) {
    Kept best = null;
    int most = branch.sequence().length();
    for (Kept kept : all) {
      int reach = branch.reach(kept);
      if (reach > most) {
        best = kept;
        most = reach;
      }
    }
    if (best != null) {
      touch(best);
      branch.restore(best.checkpoint, most);
    }
  }

  private void touch(Kept kept) {
    all.remove(kept);
    all.addLast(kept);
  }

  /** {@inheritDoc} That is up to the first place where a checkpoint is to be taken. */
  @Override
  public int chunk(Branch branch, int tokens) {
    int position = branch.sequence().length();
    int next = Branch.NO_CHECKPOINT;
    for (int place : new int[] {parting(branch), Checkpoint.place(branch.promptTokens())}) {
      if (place > position && branch.isWorthKeeping(place)) {
        next = Math.min(next, place);
      }
    }
    branch.setNextCheckpoint(next);
    return Math.min(tokens, next - position);
  }

  /** Where others go on that are like the one that a prompt has most in common with. */
  private int parting(Branch branch) {
    int common = 0;
    for (Kept kept : all) {
      common = Math.max(common, branch.common(kept));
    }
    for (Active active : running) {
      common = Math.max(common, branch.common(active.first()));
    }
    // As if the prompt ended with the first token that differs.
    return Checkpoint.place(Math.min(common + 1, branch.promptTokens()));
  }

  @Override
  public void keep(Branch branch) {
    if (branch.sequence().length() == branch.nextCheckpoint()) {
      take(branch);
    }
  }

  @Override
  public void end(Branch branch) {
    if (branch.isWorthKeeping(branch.sequence().length())) {
      take(branch);
    }
  }

  private void take(Branch branch) {
    branch.markKept();
    for (Kept kept : all) {
      if (branch.isKept(kept)) {
        touch(kept);
        return;
      }
    }
    Kept kept = branch.checkpoint();
    all.addLast(kept);
    count(kept.checkpoint, 1);
  }

  private void count(Checkpoint checkpoint, int more) {
    for (int block : checkpoint.blocks()) {
      ownedBlocks[block] += more;
    }
    ownedSlots[checkpoint.slot()] += more;
  }

  @Override
  public boolean evict() {
    for (Kept kept : all) {
      if (hasOwnBlock(kept.checkpoint)) {
        remove(kept);
        return true;
      }
    }
    return false;
  }

  @Override
  public boolean unshare(Branch branch) {
    Sequence sequence = branch.sequence();
    if (!sequence.writesShared()) {
      return false;
    }
    int block = sequence.block(sequence.length() / KvCache.BLOCK);
    for (Kept kept : all) {
      if (Arrays.stream(kept.checkpoint.blocks()).anyMatch(own -> own == block)) {
        remove(kept);
        return true;
      }
    }
    return false;
  }

  /** Whether no sequence has one of its blocks; the last checkpoint to go that has it frees it. */
  private boolean hasOwnBlock(Checkpoint checkpoint) {
    for (int block : checkpoint.blocks()) {
      if (isOwnBlock(block)) {
        return true;
      }
    }
    return false;
  }

  private boolean isOwnBlock(int block) {
    return ownedBlocks[block] > 0 && ownedBlocks[block] == cache.owners(block);
  }

  private boolean isOwnSlot(int slot) {
    return ownedSlots[slot] > 0 && ownedSlots[slot] == cache.slotOwners(slot);
  }

  @Override
  public boolean evictSlot() {
    if (all.isEmpty()) {
      return false;
    }
    remove(all.getFirst());
    return true;
  }

  private void remove(Kept kept) {
    all.remove(kept);
    count(kept.checkpoint, -1);
    kept.checkpoint.close();
  }

  @Override
  public int evictable() {
    int count = 0;
    for (int block = 0; block < ownedBlocks.length; block++) {
      count += isOwnBlock(block) ? 1 : 0;
    }
    return count;
  }

  @Override
  public int evictableSlots() {
    int count = 0;
    for (int slot = 0; slot < ownedSlots.length; slot++) {
      count += isOwnSlot(slot) ? 1 : 0;
    }
    return count;
  }

  @Override
  public void clear() {
    while (evictSlot()) {}
  }
}
