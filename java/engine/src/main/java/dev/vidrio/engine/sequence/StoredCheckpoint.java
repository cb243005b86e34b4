package dev.vidrio.engine.sequence;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.session.SequenceCheckpoint;
import dev.vidrio.model.state.StateDirectory;
import dev.vidrio.model.state.StateDirectory.Kind;
import dev.vidrio.model.state.StateKey;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Checkpoints of models with recurrent states on disk: a file for each full block, which
 * checkpoints with a common prefix share, and one with the states and the block that is not full. A
 * checkpoint is stored at the last multiple of {@value StateKey#SPAN} tokens, from where a sequence
 * can resume.
 */
final class StoredCheckpoint {
  private StoredCheckpoint() {}

  /** The keys after each {@value StateKey#SPAN} tokens of a prefix, from the root on. */
  static final class Chain {
    private final List<StateKey> keys;

    private Chain(List<StateKey> keys) {
      this.keys = keys;
    }

    private StateKey key(int positions) {
      return keys.get(positions / StateKey.SPAN);
    }

    private StateDirectory.Address address(PrefixDisk disk, Kind kind, int positions) {
      int before = kind == Kind.BLOCK ? positions - KvCache.BLOCK : full(positions);
      return disk.address(kind, key(positions), key(before), positions);
    }

    /** Returns the address of the states after a number of positions. */
    StateDirectory.Address state(PrefixDisk disk, int positions) {
      return address(disk, Kind.STATE, positions);
    }
  }

  /** Computes the keys of a prefix. Its length is a multiple of {@value StateKey#SPAN}. */
  static Chain chain(StateKey root, int[] tokens) {
    List<StateKey> keys = new ArrayList<>();
    keys.add(root);
    for (int i = 0; i < tokens.length; i += StateKey.SPAN) {
      keys.add(keys.getLast().next(tokens, i));
    }
    return new Chain(keys);
  }

  /** Returns the positions of full blocks. */
  private static int full(int positions) {
    return positions / KvCache.BLOCK * KvCache.BLOCK;
  }

  /**
   * Loads a checkpoint into free blocks and a free slot; returns null if there is none, or no room.
   */
  static @Nullable SequenceCheckpoint load(
      PrefixDisk disk,
      KvCache cache,
      Chain chain,
      int[] tokens,
      int length,
      PrefixCache.Room room) {
    List<Integer> blocks = new ArrayList<>();
    int slot = Batch.NO_SLOT;
    try {
      for (int end = KvCache.BLOCK; end <= length; end += KvCache.BLOCK) {
        if (!acquire(cache, blocks, room)) {
          return null;
        }
        if (cache.blockBytes() > 0
            && !disk.read(chain.address(disk, Kind.BLOCK, end), cache.block(blocks.getLast()))) {
          return null;
        }
      }
      List<MemorySegment> parts = new ArrayList<>();
      if (full(length) < length) {
        if (!acquire(cache, blocks, room)) {
          return null;
        }
        parts.addAll(cache.block(blocks.getLast()));
      }
      if (!room.hasSlot()) {
        return null;
      }
      slot = cache.acquireSlot();
      parts.add(cache.slot(slot));
      if (!disk.read(chain.state(disk, length), parts)) {
        return null;
      }
      int[] prefix = Arrays.copyOf(tokens, length);
      int[] owned = blocks.stream().mapToInt(Integer::intValue).toArray();
      return new SequenceCheckpoint(cache, prefix, owned, slot, length);
    } finally {
      blocks.forEach(cache::release);
      if (slot != Batch.NO_SLOT) {
        cache.releaseSlot(slot);
      }
    }
  }

  private static boolean acquire(KvCache cache, List<Integer> blocks, PrefixCache.Room room) {
    return room.hasBlock() && blocks.add(cache.acquire());
  }

  /**
   * Offers the files of a checkpoint for writing.
   *
   * @param isCached returns whether the checkpoint is still open
   */
  static void offer(
      PrefixDisk disk,
      KvCache cache,
      StateKey root,
      SequenceCheckpoint checkpoint,
      BooleanSupplier isCached) {
    int length = checkpoint.length() / StateKey.SPAN * StateKey.SPAN;
    if (length < SequenceCheckpoint.MIN_TOKENS || length < checkpoint.firstReachable()) {
      return;
    }
    int[] tokens = Arrays.copyOf(checkpoint.tokens(), length);
    Chain chain = chain(root, tokens);
    int[] blocks = checkpoint.blocks();
    if (cache.blockBytes() > 0) {
      for (int end = KvCache.BLOCK; end <= length; end += KvCache.BLOCK) {
        int block = blocks[end / KvCache.BLOCK - 1];
        disk.offer(
            new Part(cache, chain.address(disk, Kind.BLOCK, end), isCached, block, end, NONE));
      }
    }
    int tail = full(length) < length ? blocks[length / KvCache.BLOCK] : NONE;
    disk.offer(
        new Part(cache, chain.state(disk, length), isCached, tail, length, checkpoint.slot()));
  }

  private static final int NONE = -1;

  /** One file of a checkpoint: a block, and a slot or {@link #NONE}. */
  private static final class Part implements PrefixDisk.Write {
    private final KvCache cache;
    private final StateDirectory.Address address;
    private final BooleanSupplier isCached;
    private final int block;
    private final int length;
    private final int slot;
    private @Nullable Arena copies;

    Part(
        KvCache cache,
        StateDirectory.Address address,
        BooleanSupplier isCached,
        int block,
        int length,
        int slot) {
      this.cache = cache;
      this.address = address;
      this.isCached = isCached;
      this.block = block;
      this.length = length;
      this.slot = slot;
    }

    @Override
    public StateDirectory.Address address() {
      return address;
    }

    @Override
    public boolean isNeeded() {
      return isCached.getAsBoolean();
    }

    @Override
    public List<MemorySegment> pin() {
      if (slot == NONE) {
        cache.retain(block);
        return cache.block(block);
      }
      List<MemorySegment> parts = new ArrayList<>();
      if (block != NONE) {
        // The block may continue with tokens of other requests.
        copies = Arena.ofShared();
        parts.addAll(cache.copyOf(block, length % KvCache.BLOCK, copies));
      }
      cache.retainSlot(slot);
      parts.add(cache.slot(slot));
      return parts;
    }

    @Override
    public void unpin() {
      if (slot == NONE) {
        cache.release(block);
        return;
      }
      cache.releaseSlot(slot);
      if (copies != null) {
        copies.close();
      }
    }
  }
}
