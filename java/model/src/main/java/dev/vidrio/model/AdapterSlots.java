package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.LowRankTable;
import dev.vidrio.kernel.weight.LowRankTable.Matrix;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The adapters that sequences of a session have, each in a slot of the plan's table from the first
 * sequence that takes it to the last one that gives it back.
 */
final class AdapterSlots implements AutoCloseable {
  private final Model model;
  private final Map<String, Integer> matrices;
  private final LowRankTable table;
  private final @Nullable Adapter[] adapters;
  private final int[] users;
  private boolean closed;

  private AdapterSlots(Model model, Map<String, Integer> matrices, LowRankTable table) {
    this.model = model;
    this.matrices = matrices;
    this.table = table;
    this.adapters = new Adapter[table.slots()];
    this.users = new int[table.slots()];
  }

  /** The room that options ask for, for the products of a plan; null where they ask for none. */
  static @Nullable AdapterSlots of(Model model, Plan plan, SessionOptions options) {
    if (options.adapters() == 0) {
      return null;
    }
    Map<String, Integer> matrices = new LinkedHashMap<>();
    List<Matrix> shapes = new ArrayList<>();
    for (Weights weights : AdapterPlan.matrices(plan)) {
      if (matrices.putIfAbsent(weights.name(), shapes.size()) == null) {
        shapes.add(new Matrix(weights.n(), weights.k()));
      }
    }
    return new AdapterSlots(
        model,
        matrices,
        new LowRankTable(shapes, options.adapters(), options.sequences(), LowRank.MAX_RANK));
  }

  /** The table that plans read. */
  LowRankTable table() {
    return table;
  }

  /** The index of a matrix in the table, or null where the plan had none of this name. */
  @Nullable Integer index(String matrix) {
    return matrices.get(matrix);
  }

  /** Whether a sequence could take an adapter. */
  boolean hasRoomFor(Adapter adapter) {
    return slotFor(adapter) >= 0;
  }

  /** The slot that the adapter is in, or a free one; −1 where there is none. */
  private int slotFor(Adapter adapter) {
    int free = LowRankTable.NONE;
    for (int slot = adapters.length - 1; slot >= 0; slot--) {
      if (adapters[slot] == adapter) {
        return slot;
      }
      free = adapters[slot] == null ? slot : free;
    }
    return free;
  }

  /**
   * Takes an adapter for one more sequence, and returns its slot.
   *
   * @throws InvalidInputException when it is for another model, or all slots have others
   * @throws IllegalStateException when it is closed
   */
  int acquire(Adapter adapter) {
    if (adapter.model() != model) {
      throw new InvalidInputException(
          "adapter", adapter.name(), "was opened for " + adapter.model().name());
    }
    int slot = slotFor(adapter);
    if (slot < 0) {
      throw new InvalidInputException(
          "adapter",
          adapter.name(),
          "the session has room for " + adapters.length + ", and sequences have as many others");
    }
    adapter.retain();
    if (adapters[slot] == null) {
      List<@Nullable LowRank> updates = new ArrayList<>();
      matrices.keySet().forEach(matrix -> updates.add(adapter.update(matrix)));
      table.set(slot, updates);
      adapters[slot] = adapter;
    }
    users[slot]++;
    return slot;
  }

  /** Gives an adapter back for a sequence. */
  void release(int slot) {
    Adapter adapter = adapters[slot];
    if (closed || adapter == null) {
      return;
    }
    users[slot]--;
    if (users[slot] == 0) {
      table.clear(slot);
      adapters[slot] = null;
    }
    adapter.release();
  }

  /** No sequence of the batch has an adapter. */
  void chooseNone() {
    table.chooseNone();
  }

  /** Says what a sequence of the batch has. */
  void choose(int index, int slot, float strength) {
    table.choose(index, slot, strength);
  }

  /** Gives all adapters back. */
  @Override
  public void close() {
    for (int slot = 0; slot < adapters.length; slot++) {
      while (adapters[slot] != null) {
        release(slot);
      }
    }
    closed = true;
  }
}
