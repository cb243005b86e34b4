package dev.vidrio.kernel;

import dev.vidrio.kernel.op.SequenceOp.Part;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The paged key-value cache: a fixed number of blocks of {@value #BLOCK} positions, each holding
 * all layers. A sequence owns blocks, listed in its row of the batch's block tables. A block is
 * contiguous, so that unused blocks take no memory:
 *
 * <pre>
 *   [blocks, layers] of {keys   [H_kv, BLOCK/LANES, d_h, LANES],
 *                        values [H_kv, BLOCK, d_v]}
 * </pre>
 *
 * A layer with a convolution has rows [BLOCK, width] of f32 in their place. If layers differ,
 * layers of the same kind are stored together, one kind after the other.
 *
 * <p>Keys of {@value #LANES} positions are interleaved, so that 16 scores fill a vector; {@code
 * vd_kv_cache} documents the layout of Q8_0.
 *
 * <p>Layers with states have nothing in blocks, but a part of the sequence's slot.
 *
 * <p>A block may have several owners: sequences with a common prefix, and a prefix cache that keeps
 * it for later ones. It is free once the last owner has released it; so are slots. Not thread-safe:
 * the scheduler of steps allocates both.
 */
public final class KvCache {
  /** Positions of a block. */
  public static final int BLOCK = 64;

  /** Positions whose keys lie interleaved. */
  public static final int LANES = 16;

  private final KvShape shape;
  private final KvType type;
  private final int blocks;
  private final MemorySegment memory;
  private final List<Kind> kinds = new ArrayList<>();
  private final RefCountedPool places;
  private final MemorySegment states;
  private final RefCountedPool slots;
  // Blocks and slots from here on nobody has used yet.
  private int fresh;
  private int freshSlot;

  /** A cache of f32, with a slot for each block. */
  public KvCache(Executor executor, KvShape shape, int blocks, Arena arena) {
    this(executor, shape, KvType.F32, blocks, blocks, arena);
  }

  /**
   * A cache with room for {@code blocks} blocks and, where layers have states, {@code slots} slots,
   * in memory of the executor that will use it, which lives as long as the arena.
   *
   * @throws ArithmeticException when the size exceeds a long
   * @throws IllegalArgumentException when the type does not fit the width of the heads
   */
  public KvCache(
      Executor executor, KvShape shape, KvType type, int blocks, int slots, Arena arena) {
    if (!shape.fits(type)) {
      throw new IllegalArgumentException(type + " does not fit the heads of " + shape);
    }
    this.shape = shape;
    this.type = type;
    this.blocks = blocks;
    this.memory = allocate(executor, bytes(shape, type, blocks), arena);
    long begin = 0;
    for (KvShape.Layer layer : new LinkedHashSet<>(shape.layers())) {
      Kind kind = kind(layer, begin);
      kinds.add(kind);
      begin += blocks * kind.blockBytes();
    }
    this.places = new RefCountedPool("block", blocks);
    this.slots = new RefCountedPool("slot", shape.hasStates() ? slots : 0);
    this.states = allocate(executor, Math.multiplyExact(shape.bytesPerSequence(), slots), arena);
  }

  private static MemorySegment allocate(Executor executor, long bytes, Arena arena) {
    return bytes == 0 ? MemorySegment.NULL : executor.allocate(bytes, arena);
  }

  /**
   * Layers that are alike.
   *
   * @param layers their numbers
   * @param begin where they lie
   * @param keyBytes of the keys of a layer in a block, or the rows of a convolution
   * @param valueBytes of the values
   */
  private record Kind(
      KvShape.Layer shape, List<Integer> layers, long begin, long keyBytes, long valueBytes) {
    long blockBytes() {
      return layers.size() * (keyBytes + valueBytes);
    }

    /** Where the keys of a layer begin in a block. */
    long keys(int layer) {
      return layers.indexOf(layer) * (keyBytes + valueBytes);
    }
  }

  private Kind kind(KvShape.Layer layer, long begin) {
    return switch (layer) {
      case KvShape.KeyValue(int heads, int dH, int dV) ->
          new Kind(
              layer,
              members(layer),
              begin,
              (long) BLOCK * heads * type.bytes(dH),
              (long) BLOCK * heads * type.bytes(dV));
      case KvShape.Conv conv ->
          new Kind(layer, members(layer), begin, BLOCK * conv.bytesPerPosition(type), 0);
      case KvShape.Recurrent recurrent -> new Kind(layer, members(layer), begin, 0, 0);
    };
  }

  private List<Integer> members(KvShape.Layer layer) {
    return IntStream.range(0, shape.layers().size())
        .filter(l -> shape.layers().get(l).equals(layer))
        .boxed()
        .toList();
  }

  /** Blocks that {@code positions} positions fill. */
  public static int blocksFor(int positions) {
    return Math.ceilDiv(positions, BLOCK);
  }

  /** Bytes of blocks. */
  public static long bytes(KvShape shape, KvType type, int blocks) {
    return Math.multiplyExact(
        Math.multiplyExact(shape.bytesPerPosition(type), BLOCK), (long) blocks);
  }

  /** Bytes of all its blocks and slots. */
  public long bytes() {
    return memory.byteSize() + states.byteSize();
  }

  /**
   * Checks that it is made for a shape.
   *
   * @throws IllegalArgumentException when it is not
   */
  public void requireShape(KvShape wanted) {
    if (!shape.equals(wanted)) {
      throw new IllegalArgumentException(
          "the cache is made for " + shape + ", the plan for " + wanted);
    }
  }

  /** The shape of the cached keys and values. */
  public KvShape shape() {
    return shape;
  }

  /** The type of its elements. */
  public KvType type() {
    return type;
  }

  /** Number of blocks. */
  public int blocks() {
    return blocks;
  }

  /** Blocks that nobody owns. */
  public int freeBlocks() {
    return places.freeCount();
  }

  /**
   * Takes a free block, of which the caller is the owner.
   *
   * @throws IllegalStateException when there is none
   */
  public int acquire() {
    int block = places.acquire();
    fresh = Math.max(fresh, block + 1);
    return block;
  }

  /**
   * Gets the memory of a block or a slot that nobody has used yet, so that the first who does need
   * not wait until the system finds its pages.
   *
   * @return whether there was one
   */
  public boolean prepare() {
    if (freshSlot < slots()) {
      states.asSlice(freshSlot * slotStride(), slotStride()).fill((byte) 0);
      freshSlot++;
      return true;
    }
    if (fresh == blocks) {
      return false;
    }
    for (Kind kind : kinds) {
      long bytes = kind.blockBytes();
      memory.asSlice(kind.begin + fresh * bytes, bytes).fill((byte) 0);
    }
    fresh++;
    return true;
  }

  /** Adds an owner to a block, which its owners no longer change. */
  public void retain(int block) {
    places.retain(block);
  }

  /** Takes an owner from a block. */
  public void release(int block) {
    places.release(block);
  }

  /** Whether a block has more than one owner. */
  public boolean isShared(int block) {
    return owners(block) > 1;
  }

  /** How many owners a block has. */
  public int owners(int block) {
    return places.owners(block);
  }

  /** Copies what all layers have from one block to another. */
  public void copy(int from, int to) {
    places.requireOwned(from);
    places.requireOwned(to);
    for (Kind kind : kinds) {
      long bytes = kind.blockBytes();
      long begin = kind.begin;
      MemorySegment.copy(memory, begin + from * bytes, memory, begin + to * bytes, bytes);
    }
  }

  /** Number of slots: places of texts whose states there is room for, 0 where no layer has one. */
  public int slots() {
    return slots.count();
  }

  /** Slots that nobody owns. */
  public int freeSlots() {
    return slots.freeCount();
  }

  /**
   * Takes a free slot, of which the caller is the owner.
   *
   * @return {@link Batch#NO_SLOT} where no layer has a state
   * @throws IllegalStateException when there is none
   */
  public int acquireSlot() {
    if (!shape.hasStates()) {
      return Batch.NO_SLOT;
    }
    int slot = slots.acquire();
    freshSlot = Math.max(freshSlot, slot + 1);
    return slot;
  }

  /** Adds an owner to a slot, which its owners no longer change. */
  public void retainSlot(int slot) {
    slots.retain(slot);
  }

  /** Takes an owner from a slot. */
  public void releaseSlot(int slot) {
    slots.release(slot);
  }

  /** Whether a slot has more than one owner. */
  public boolean isSharedSlot(int slot) {
    return slotOwners(slot) > 1;
  }

  /** How many owners a slot has. */
  public int slotOwners(int slot) {
    return slots.owners(slot);
  }

  /** Copies what all layers have from one slot to another. */
  public void copySlot(int from, int to) {
    slots.requireOwned(from);
    slots.requireOwned(to);
    long bytes = shape.bytesPerSequence();
    MemorySegment.copy(states, from * bytes, states, to * bytes, bytes);
  }

  /**
   * The states of a layer, from those of slot 0 on; from one slot to the next {@link #slotStride}.
   */
  public MemorySegment states(int layer) {
    return slotPart(layer, 0);
  }

  /** The rows that a convolution of a layer with states reads, from those of slot 0 on. */
  public MemorySegment rows(int layer, Part part) {
    return slotPart(layer, shape.recurrent(layer).rows(part));
  }

  private MemorySegment slotPart(int layer, long offset) {
    long begin =
        shape.layers().subList(0, layer).stream().mapToLong(KvShape.Layer::bytesPerSequence).sum();
    return states.asSlice(begin + offset);
  }

  /** Bytes from a slot to the next. */
  public long slotStride() {
    return shape.bytesPerSequence();
  }

  /** The keys of a layer, from those of block 0 on. */
  public MemorySegment keys(int layer) {
    Kind kind = kind(layer);
    return part(kind, kind.keys(layer), kind.keyBytes);
  }

  /** The values of a layer, from those of block 0 on. */
  public MemorySegment values(int layer) {
    Kind kind = kind(layer);
    return part(kind, kind.keys(layer) + kind.keyBytes, kind.valueBytes);
  }

  /** The rows of a layer with a convolution, from those of block 0 on. */
  public MemorySegment rows(int layer) {
    return keys(layer);
  }

  private MemorySegment part(Kind kind, long first, long bytes) {
    return blocks == 0
        ? memory
        : memory.asSlice(kind.begin + first, (blocks - 1L) * kind.blockBytes() + bytes);
  }

  private Kind kind(int layer) {
    KvShape.Layer wanted = shape.layers().get(layer);
    return kinds.stream().filter(kind -> kind.shape.equals(wanted)).findFirst().orElseThrow();
  }

  /** Bytes from a layer's keys, values or rows of a block to those of the next. */
  public long stride(int layer) {
    return kind(layer).blockBytes();
  }
}
