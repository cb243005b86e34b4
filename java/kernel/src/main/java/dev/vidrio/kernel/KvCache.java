package dev.vidrio.kernel;

import static dev.vidrio.kernel.argument.Arguments.require;

import dev.vidrio.kernel.op.SequenceOp.Part;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The paged key-value cache: a fixed number of blocks of {@value #BLOCK} positions. A sequence owns
 * blocks, which its row of the batch's block tables lists; a block holds all layers that have keys
 * and values (PagedAttention: Kwon et al. 2023, arXiv 2309.06180). Blocks are contiguous, so that
 * unused blocks take no physical memory:
 *
 * <pre>
 *   [blocks, layers] of {keys   [H_kv, BLOCK/LANES, d_h, LANES],
 *                        values [H_kv, BLOCK, d_v]}
 * </pre>
 *
 * A layer of rows has [BLOCK, width] of f32 instead. If layers differ, layers of equal shape are
 * stored together, one shape after the other.
 *
 * <p>On several NUMA nodes, each group of nodes holds a group of heads: the cache above, with as
 * many heads, once for each group.
 *
 * <p>If values are elements of keys ({@link KvShape.KeyValue#shared}), there are keys only.
 *
 * <p>Keys of {@value #LANES} positions are interleaved, so that 16 scores fill a vector; {@code
 * vd_kv_cache} in {@code vidrio.h} defines the layout for each {@link KvType}.
 *
 * <p>Recurrences and short convolutions have states of constant size: a part of the sequence's
 * <i>slot</i>. There is one slot per sequence.
 *
 * <p>Blocks and slots are reference-counted. A block may have several owners: sequences with a
 * common prefix, and a prefix cache that keeps it for later sequences; an owner must copy a shared
 * block before writing to it. It is free when the last owner has released it.
 *
 * <p>Not thread-safe. The memory lives as long as the arena, which must not close while plans over
 * the cache run.
 *
 * @see KvShape
 * @see "docs/adr/013-cache-type.md"
 * @see "docs/adr/031-placement.md"
 */
public final class KvCache {
  /** Positions of a block. */
  public static final int BLOCK = 64;

  /** Positions of a group of interleaved keys. */
  public static final int LANES = 16;

  /**
   * Maximum number of slices of states: a quarter of the mappings that Linux allows a process
   * ({@code vm.max_map_count}).
   */
  private static final int STATE_SLICES = 1 << 14;

  private final KvShape shape;
  private final KvType type;
  private final int blocks;
  private final MemorySegment memory;
  private final List<Kind> kinds = new ArrayList<>();
  private final RefCountedPool pool;
  private final MemorySegment states;
  private final RefCountedPool slots;
  // The first block and the first slot that have never been acquired.
  private int fresh;
  private int freshSlot;

  /** Creates a cache of f32 with a slot per block. */
  public KvCache(Executor executor, KvShape shape, int blocks, Arena arena) {
    this(executor, shape, KvType.F32, blocks, blocks, arena);
  }

  /**
   * Creates a cache of {@code blocks} blocks and, if layers have states, {@code slots} slots, in
   * memory of the executor that will use it, for the lifetime of the arena.
   *
   * @throws ArithmeticException if the size exceeds a long
   * @throws IllegalArgumentException if the type does not support the width of the heads
   */
  public KvCache(
      Executor executor, KvShape shape, KvType type, int blocks, int slots, Arena arena) {
    if (!shape.fits(type)) {
      throw new IllegalArgumentException(type + " does not support the head widths of " + shape);
    }
    this.shape = shape;
    this.type = type;
    this.blocks = blocks;
    this.memory = allocate(executor, bytes(shape, type, blocks), arena);
    long begin = 0;
    for (KvShape.Layer layer : new LinkedHashSet<>(shape.layers())) {
      Kind kind = kind(layer, begin, executor.placedNodes());
      kinds.add(kind);
      begin += kind.groups * groupBytes(kind);
      place(executor, kind);
    }
    this.pool = new RefCountedPool("block", blocks);
    this.slots = new RefCountedPool("slot", shape.hasStates() ? slots : 0);
    this.states = allocate(executor, Math.multiplyExact(shape.bytesPerSequence(), slots), arena);
    placeStates(executor, slots);
  }

  /**
   * Divides the states of each layer and slot as their heads are divided among workers, unless that
   * would take too many mappings. Rows and other states are interleaved.
   */
  private void placeStates(Executor executor, int slots) {
    if (states.byteSize() == 0) {
      return;
    }
    executor.place(states, Placement.INTERLEAVED);
    long slices = (long) shape.layers().size() * slots * executor.placedNodes();
    for (int layer = 0; layer < shape.layers().size() && slices <= STATE_SLICES; layer++) {
      if (shape.layers().get(layer) instanceof KvShape.Recurrent recurrent) {
        for (int slot = 0; slot < slots; slot++) {
          long begin = slot * slotStride() + begin(layer);
          executor.place(states.asSlice(begin, recurrent.stateBytes()), Placement.SLICES);
        }
      }
    }
  }

  private long begin(int layer) {
    return shape.layers().subList(0, layer).stream()
        .mapToLong(KvShape.Layer::bytesPerSequence)
        .sum();
  }

  private static MemorySegment allocate(Executor executor, long bytes, Arena arena) {
    return bytes == 0 ? MemorySegment.NULL : executor.allocate(bytes, arena);
  }

  private void place(Executor executor, Kind kind) {
    long bytes = groupBytes(kind);
    for (int group = 0; bytes > 0 && group < kind.groups; group++) {
      executor.placeGroup(memory.asSlice(kind.begin + group * bytes, bytes), group, kind.groups);
    }
  }

  /**
   * Layers of equal shape.
   *
   * @param layers indices of the layers
   * @param groups groups of heads, each in memory of its own
   * @param begin offset of their memory
   * @param keyBytes bytes of the keys of a layer and group in a block, or of its rows
   * @param valueBytes bytes of the values of a layer and group in a block
   */
  private record Kind(
      KvShape.Layer shape,
      List<Integer> layers,
      int groups,
      long begin,
      long keyBytes,
      long valueBytes) {
    /** Returns the bytes of all layers of a group in a block. */
    long blockBytes() {
      return layers.size() * (keyBytes + valueBytes);
    }

    /** Returns the offset of the keys of a layer in a block. */
    long keys(int layer) {
      return layers.indexOf(layer) * (keyBytes + valueBytes);
    }
  }

  private Kind kind(KvShape.Layer layer, long begin, int nodes) {
    long bytes = BLOCK * layer.bytesPerPosition(type);
    if (!(layer instanceof KvShape.KeyValue keyValue)) {
      return new Kind(layer, members(layer), 1, begin, bytes, 0);
    }
    int groups = keyValue.groups(nodes);
    long valueBytes =
        keyValue.shared() ? 0 : (long) BLOCK * keyValue.heads() * type.bytes(keyValue.dV());
    return new Kind(
        layer, members(layer), groups, begin, (bytes - valueBytes) / groups, valueBytes / groups);
  }

  /** Returns the bytes of all blocks of a group of heads. */
  private long groupBytes(Kind kind) {
    return blocks * kind.blockBytes();
  }

  /** Returns the memory of a group of heads in a block. */
  private MemorySegment block(Kind kind, int group, int block) {
    long bytes = kind.blockBytes();
    return memory.asSlice(kind.begin + group * groupBytes(kind) + block * bytes, bytes);
  }

  private List<Integer> members(KvShape.Layer layer) {
    return IntStream.range(0, shape.layers().size())
        .filter(l -> shape.layers().get(l).equals(layer))
        .boxed()
        .toList();
  }

  /** Returns the number of blocks for {@code positions} positions. */
  public static int blocksFor(int positions) {
    return Math.ceilDiv(positions, BLOCK);
  }

  /** Returns the bytes of {@code blocks} blocks. */
  public static long bytes(KvShape shape, KvType type, int blocks) {
    return Math.multiplyExact(
        Math.multiplyExact(shape.bytesPerPosition(type), BLOCK), (long) blocks);
  }

  /** Returns the bytes of all blocks and slots. */
  public long bytes() {
    return memory.byteSize() + states.byteSize();
  }

  /**
   * Checks that the cache has a shape.
   *
   * @throws IllegalArgumentException if it has another shape
   */
  public void requireShape(KvShape wanted) {
    if (!shape.equals(wanted)) {
      throw new IllegalArgumentException(
          "shape of the cache: " + shape + "; required by the plan: " + wanted);
    }
  }

  /** Returns the shape. */
  public KvShape shape() {
    return shape;
  }

  /** Returns the type of keys and values. */
  public KvType type() {
    return type;
  }

  /** Returns the number of blocks. */
  public int blocks() {
    return blocks;
  }

  /** Returns the number of blocks without an owner. */
  public int freeBlocks() {
    return pool.freeCount();
  }

  /**
   * Acquires a free block, which the caller then owns.
   *
   * @throws IllegalStateException if there is none
   */
  public int acquire() {
    int block = pool.acquire();
    fresh = Math.max(fresh, block + 1);
    return block;
  }

  /**
   * Touches the memory of one block or slot that has never been acquired, so that its first use
   * does not cause page faults.
   *
   * @return false if there is none
   */
  public boolean prefault() {
    if (freshSlot < slots()) {
      states.asSlice(freshSlot * slotStride(), slotStride()).fill((byte) 0);
      freshSlot++;
      return true;
    }
    if (fresh == blocks) {
      return false;
    }
    for (Kind kind : kinds) {
      for (int group = 0; group < kind.groups; group++) {
        block(kind, group, fresh).fill((byte) 0);
      }
    }
    fresh++;
    return true;
  }

  /** Adds an owner to a block, which its owners must no longer write to. */
  public void retain(int block) {
    pool.retain(block);
  }

  /** Removes an owner from a block. */
  public void release(int block) {
    pool.release(block);
  }

  /** Returns whether a block has more than one owner. */
  public boolean isShared(int block) {
    return owners(block) > 1;
  }

  /** Returns the number of owners of a block. */
  public int owners(int block) {
    return pool.owners(block);
  }

  /** Copies a block, with all layers, to another one. */
  public void copy(int from, int to) {
    pool.requireOwned(from);
    pool.requireOwned(to);
    for (Kind kind : kinds) {
      for (int group = 0; group < kind.groups; group++) {
        block(kind, group, to).copyFrom(block(kind, group, from));
      }
    }
  }

  /** Returns the bytes of a block with all layers. */
  public long blockBytes() {
    return bytes(shape, type, 1);
  }

  /**
   * Returns the memory of a block in parts: the layers of each shape, in the order in which the
   * shapes first occur; each layer's keys and values, with all heads. The bytes are the same on
   * every executor, instruction set and number of nodes; the number of parts is not.
   */
  public List<MemorySegment> block(int block) {
    pool.requireOwned(block);
    List<MemorySegment> parts = new ArrayList<>();
    for (Kind kind : kinds) {
      addParts(kind, block, parts);
    }
    return parts;
  }

  private void addParts(Kind kind, int block, List<MemorySegment> parts) {
    if (kind.groups == 1) {
      parts.add(block(kind, 0, block));
      return;
    }
    for (int layer : kind.layers) {
      for (int group = 0; group < kind.groups; group++) {
        parts.add(block(kind, group, block).asSlice(kind.keys(layer), kind.keyBytes));
      }
      for (int group = 0; group < kind.groups; group++) {
        long values = kind.keys(layer) + kind.keyBytes;
        parts.add(block(kind, group, block).asSlice(values, kind.valueBytes));
      }
    }
  }

  /**
   * Returns a copy of a block with zeros in the positions from {@code positions} on. It has the
   * bytes of {@link #block} in one part for each shape.
   *
   * @param positions a multiple of {@value #LANES}
   */
  public List<MemorySegment> copyOf(int block, int positions, Arena arena) {
    require(positions % LANES == 0, positions + " positions: not a multiple of " + LANES);
    pool.requireOwned(block);
    return kinds.stream().map(kind -> copyOf(kind, block, positions, arena)).toList();
  }

  private MemorySegment copyOf(Kind kind, int block, int positions, Arena arena) {
    MemorySegment copy = arena.allocate(kind.groups * kind.blockBytes());
    List<MemorySegment> parts = new ArrayList<>();
    addParts(kind, block, parts);
    long at = 0;
    for (MemorySegment part : parts) {
      MemorySegment.copy(part, 0, copy, at, part.byteSize());
      at += part.byteSize();
    }
    long layerBytes = kind.groups * (kind.keyBytes + kind.valueBytes);
    for (int layer = 0; layer < kind.layers.size(); layer++) {
      clear(kind, copy.asSlice(layer * layerBytes, layerBytes), positions);
    }
    return copy;
  }

  /** Clears the positions of a layer in a block from {@code from} on. */
  private void clear(Kind kind, MemorySegment layer, int from) {
    if (!(kind.shape instanceof KvShape.KeyValue(int heads, int dH, int dV, boolean shared))) {
      clearRows(layer, 0, kind.keyBytes / BLOCK, from);
      return;
    }
    // The scales of all positions of a head follow their values.
    long scales = type.scaleBytes(dV);
    long elements = type.bytes(dV) - scales;
    for (int head = 0; head < heads; head++) {
      // The keys of a tile of positions are contiguous, so that a position has its share.
      clearRows(layer, (long) head * BLOCK * type.keyBytes(dH), type.bytes(dH), from);
      if (shared) {
        continue;
      }
      long values = kind.groups * kind.keyBytes + (long) head * BLOCK * type.bytes(dV);
      clearRows(layer, values, elements, from);
      clearRows(layer, values + BLOCK * elements, scales, from);
    }
  }

  private static void clearRows(MemorySegment layer, long begin, long rowBytes, int from) {
    layer.asSlice(begin + from * rowBytes, (BLOCK - from) * rowBytes).fill((byte) 0);
  }

  /** Returns the number of slots; 0 if no layer has states. */
  public int slots() {
    return slots.count();
  }

  /** Returns the number of slots without an owner. */
  public int freeSlots() {
    return slots.freeCount();
  }

  /**
   * Acquires a free slot, which the caller then owns.
   *
   * @return the slot, or {@link Batch#NO_SLOT} if no layer has states
   * @throws IllegalStateException if there is none
   */
  public int acquireSlot() {
    if (!shape.hasStates()) {
      return Batch.NO_SLOT;
    }
    int slot = slots.acquire();
    freshSlot = Math.max(freshSlot, slot + 1);
    return slot;
  }

  /** Adds an owner to a slot, which its owners must no longer write to. */
  public void retainSlot(int slot) {
    slots.retain(slot);
  }

  /** Removes an owner from a slot. */
  public void releaseSlot(int slot) {
    slots.release(slot);
  }

  /** Returns whether a slot has more than one owner. */
  public boolean isSharedSlot(int slot) {
    return slotOwners(slot) > 1;
  }

  /** Returns the number of owners of a slot. */
  public int slotOwners(int slot) {
    return slots.owners(slot);
  }

  /** Copies a slot, with all layers, to another one. */
  public void copySlot(int from, int to) {
    slots.requireOwned(from);
    slots.requireOwned(to);
    long bytes = shape.bytesPerSequence();
    MemorySegment.copy(states, from * bytes, states, to * bytes, bytes);
  }

  /** Returns the memory of a slot with all layers. */
  public MemorySegment slot(int slot) {
    slots.requireOwned(slot);
    return states.asSlice(slot * slotStride(), slotStride());
  }

  /**
   * Returns the states of a layer, starting at slot 0; slots are {@link #slotStride} bytes apart.
   */
  public MemorySegment states(int layer) {
    return slotPart(layer, 0);
  }

  /** Returns the rows of a part of a layer, starting at slot 0. */
  public MemorySegment rows(int layer, Part part) {
    return slotPart(layer, shape.slotted(layer).rows(part));
  }

  private MemorySegment slotPart(int layer, long offset) {
    return states.asSlice(begin(layer) + offset);
  }

  /** Returns the bytes from one slot to the next. */
  public long slotStride() {
    return shape.bytesPerSequence();
  }

  /**
   * Returns the keys of a layer, starting at block 0 of the first group of heads; blocks are {@link
   * #stride} bytes apart, and groups {@link #groupStride}.
   */
  public MemorySegment keys(int layer) {
    Kind kind = kind(layer);
    return part(kind, kind.keys(layer), kind.keyBytes);
  }

  /**
   * Returns the values of a layer, starting at block 0 of the first group of heads; its keys if
   * values are elements of them.
   */
  public MemorySegment values(int layer) {
    if (shape.keyValue(layer).shared()) {
      return keys(layer);
    }
    Kind kind = kind(layer);
    return part(kind, kind.keys(layer) + kind.keyBytes, kind.valueBytes);
  }

  /** Returns the rows of a layer that has one for each position, starting at block 0. */
  public MemorySegment rows(int layer) {
    return keys(layer);
  }

  private MemorySegment part(Kind kind, long first, long bytes) {
    return blocks == 0
        ? memory
        : memory.asSlice(
            kind.begin + first, kind.groups * groupBytes(kind) - kind.blockBytes() + bytes);
  }

  private Kind kind(int layer) {
    KvShape.Layer wanted = shape.layers().get(layer);
    return kinds.stream().filter(kind -> kind.shape.equals(wanted)).findFirst().orElseThrow();
  }

  /** Returns the bytes from a layer's keys, values or rows in one block to those in the next. */
  public long stride(int layer) {
    return kind(layer).blockBytes();
  }

  /** Returns the heads of a group of a layer, which one of several groups of nodes holds. */
  public int groupHeads(int layer) {
    return shape.keyValue(layer).heads() / kind(layer).groups;
  }

  /** Returns the bytes from a layer's keys or values of one group of heads to the next. */
  public long groupStride(int layer) {
    return groupBytes(kind(layer));
  }
}
