package dev.vidrio.engine.sequence;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SequenceCheckpoint;
import dev.vidrio.model.state.StateKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Keeps checkpoints of sequences of models with recurrent states, which blocks do not hold. They
 * are taken where later requests are likely to continue: near the end of a prompt, at the end of an
 * answer, and where a prompt diverges from another one (Pan et al. 2024, arXiv 2411.19379). Their
 * number is limited by the slots, so lookups compare all. The least recently used one is evicted
 * first. Not thread-safe.
 */
final class PrefixCheckpoints implements PrefixCache {
  /**
   * A cached checkpoint.
   *
   * @param root what its keys, values and states depend on in addition to the tokens
   * @param checkpoint the checkpoint
   */
  record Kept(Object root, SequenceCheckpoint checkpoint) {}

  private final KvCache cache;
  private final Iterable<TokenSequence> running;
  private final @Nullable PrefixDisk disk;
  // From the least to the most recently used.
  private final List<Kept> all = new ArrayList<>();
  // The number of checkpoints that own each block and each slot.
  private final int[] ownedBlocks;
  private final int[] ownedSlots;

  PrefixCheckpoints(KvCache cache, Iterable<TokenSequence> running, @Nullable PrefixDisk disk) {
    this.cache = cache;
    this.running = running;
    this.disk = disk;
    this.ownedBlocks = new int[cache.blocks()];
    this.ownedSlots = new int[cache.slots()];
  }

  @Override
  public boolean share(TokenSequence tokens, Room room) {
    Kept best = null;
    int longest = tokens.sequence().length();
    for (Kept kept : all) {
      int reach = tokens.reach(kept);
      if (reach > longest) {
        best = kept;
        longest = reach;
      }
    }
    if (tokens.mayLoadCheckpoint()) {
      Kept loaded = load(tokens, longest, room);
      if (loaded != null) {
        best = loaded;
        longest = loaded.checkpoint.length();
      }
    }
    if (best != null) {
      touch(best);
      tokens.restore(best.checkpoint, longest);
    }
    return true;
  }

  /** Loads a checkpoint of more tokens than the longest in memory from disk, or returns null. */
  private @Nullable Kept load(TokenSequence tokens, int longest, Room room) {
    StateKey root = disk == null ? null : disk.root(tokens.root());
    if (disk == null || root == null) {
      return null;
    }
    // At least one token must run, for its logits.
    int last = SequenceCheckpoint.positionFor(tokens.length());
    int[] ids = tokens.tokens(0, last);
    StoredCheckpoint.Chain chain = StoredCheckpoint.chain(root, ids);
    for (int length = last;
        length > longest && length >= SequenceCheckpoint.MIN_TOKENS;
        length -= StateKey.SPAN) {
      if (disk.contains(chain.state(disk, length))) {
        SequenceCheckpoint loaded = StoredCheckpoint.load(disk, cache, chain, ids, length, room);
        if (loaded != null) {
          Kept kept = new Kept(tokens.root(), loaded);
          add(kept);
          return kept;
        }
      }
    }
    disk.countMiss();
    return null;
  }

  private void add(Kept kept) {
    all.addLast(kept);
    count(kept.checkpoint, 1);
  }

  private void touch(Kept kept) {
    all.remove(kept);
    all.addLast(kept);
  }

  /** {@inheritDoc} Chunks end at the positions of checkpoints. */
  @Override
  public int chunk(TokenSequence tokens, int count) {
    int position = tokens.sequence().length();
    int next = TokenSequence.NO_CHECKPOINT;
    for (int candidate :
        new int[] {divergence(tokens), SequenceCheckpoint.positionFor(tokens.promptTokens())}) {
      if (candidate > position && tokens.isWorthKeeping(candidate)) {
        next = Math.min(next, candidate);
      }
    }
    tokens.setNextCheckpoint(next);
    return Math.min(count, next - position);
  }

  /** Returns where requests that share the longest prefix with this prompt will continue. */
  private int divergence(TokenSequence tokens) {
    int common = 0;
    for (Kept kept : all) {
      common = Math.max(common, tokens.common(kept));
    }
    for (TokenSequence other : running) {
      common = Math.max(common, tokens.common(other));
    }
    // As if the prompt ended with the first token that differs.
    return SequenceCheckpoint.positionFor(Math.min(common + 1, tokens.promptTokens()));
  }

  @Override
  public void keep(TokenSequence tokens) {
    if (tokens.sequence().length() == tokens.nextCheckpoint()) {
      take(tokens);
    }
  }

  @Override
  public void end(TokenSequence tokens) {
    if (tokens.isWorthKeeping(tokens.sequence().length())) {
      take(tokens);
    }
  }

  private void take(TokenSequence tokens) {
    tokens.markKept();
    for (Kept kept : all) {
      if (tokens.isKept(kept)) {
        touch(kept);
        return;
      }
    }
    Kept kept = tokens.checkpoint();
    add(kept);
    StateKey root = disk == null ? null : disk.root(kept.root);
    if (disk != null && root != null) {
      StoredCheckpoint.offer(disk, cache, root, kept.checkpoint, () -> all.contains(kept));
    }
  }

  private void count(SequenceCheckpoint checkpoint, int more) {
    for (int block : checkpoint.blocks()) {
      ownedBlocks[block] += more;
    }
    ownedSlots[checkpoint.slot()] += more;
  }

  @Override
  public boolean evict() {
    // Evicting the last checkpoint of a block that only checkpoints own frees it.
    return removeFirst(this::isOwnBlock)
        || (disk != null && disk.awaitWrite() && removeFirst(this::isOwnBlock));
  }

  @Override
  public boolean unshare(TokenSequence tokens) {
    Sequence sequence = tokens.sequence();
    if (!sequence.writesShared()) {
      return false;
    }
    int block = sequence.block(sequence.length() / KvCache.BLOCK);
    return removeFirst(own -> own == block);
  }

  /** Removes the least recently used checkpoint with such a block; returns false if none has. */
  private boolean removeFirst(IntPredicate block) {
    Optional<Kept> first =
        all.stream()
            .filter(kept -> Arrays.stream(kept.checkpoint.blocks()).anyMatch(block))
            .findFirst();
    first.ifPresent(this::remove);
    return first.isPresent();
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
    return (int) IntStream.range(0, ownedBlocks.length).filter(this::isOwnBlock).count();
  }

  @Override
  public int evictableSlots() {
    return (int) IntStream.range(0, ownedSlots.length).filter(this::isOwnSlot).count();
  }

  @Override
  public void clear() {
    while (evictSlot()) {}
  }
}
