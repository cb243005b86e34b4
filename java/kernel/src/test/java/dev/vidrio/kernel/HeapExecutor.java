package dev.vidrio.kernel;

import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** An executor that only allocates memory, for tests of classes that need one. */
public final class HeapExecutor implements Executor {
  private final int nodes;
  private final List<Placed> placed = new ArrayList<>();
  private final List<MemorySegment> sliced = new ArrayList<>();

  /** Creates an executor on one node. */
  public HeapExecutor() {
    this(1);
  }

  /** Creates an executor that places memory on several nodes. */
  HeapExecutor(int nodes) {
    this.nodes = nodes;
  }

  /** Memory that was placed on a group of nodes. */
  record Placed(MemorySegment memory, int group, int groups) {}

  /** Returns the memory that was placed on groups of nodes, in order. */
  List<Placed> placed() {
    return placed;
  }

  /** Returns the memory that was placed in slices, in order. */
  List<MemorySegment> sliced() {
    return sliced;
  }

  @Override
  public void place(MemorySegment memory, Placement how) {
    if (how == Placement.SLICES) {
      sliced.add(memory);
    }
  }

  @Override
  public int placedNodes() {
    return nodes;
  }

  @Override
  public void placeGroup(MemorySegment memory, int group, int groups) {
    placed.add(new Placed(memory, group, groups));
  }

  @Override
  public String name() {
    return "memory";
  }

  @Override
  public int workers() {
    return 1;
  }

  @Override
  public MemorySegment allocate(long bytes, Arena arena) {
    return arena.allocate(bytes, 64);
  }

  @Override
  public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
