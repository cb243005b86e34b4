package dev.vidrio.fuzz.plan;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.TapTarget;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.LowRankTable;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Makes operations of {@link Spec}s, and the memory that they need: weights, and tables that change
 * between steps.
 */
final class Workshop {
  /** The elements of a matrix, at most. */
  private static final long MAX_ELEMENTS = 1 << 18;

  /** The memory of weights that are not read. */
  private static final MemorySegment ZEROS = Arena.global().allocate(MAX_ELEMENTS * 5, 64);

  private final Arena arena;
  private final Limits limits;
  private final SplittableRandom random;
  private final boolean blank;
  private final Map<Spec, LowRankTable> adapters = new HashMap<>();
  private final List<MemorySegment> written = new ArrayList<>();
  private final List<IntConsumer> updates = new ArrayList<>();
  private int placeholders;

  /**
   * @param limits the limits of the plan
   * @param random draws the contents
   * @param blank whether weights are zeros, for operations that do not run
   */
  Workshop(Arena arena, Limits limits, SplittableRandom random, boolean blank) {
    this.arena = arena;
    this.limits = limits;
    this.random = random;
    this.blank = blank;
  }

  /** Returns memory outside of plans that operations write. */
  List<MemorySegment> written() {
    return written;
  }

  /** Sets tables to their state before a step; the first one also clears written memory. */
  void update(int step) {
    if (step == 0) {
      written.forEach(memory -> memory.fill((byte) 0));
    }
    updates.forEach(each -> each.accept(step));
  }

  /**
   * Makes an operation with placeholders as activations.
   *
   * @throws IllegalArgumentException if its sizes do not fit
   */
  Op op(Spec.OfRecord spec) {
    return (Op) record(spec);
  }

  private Object record(Spec.OfRecord spec) {
    var values = new @Nullable Object[spec.components().size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = make(spec.components().get(i));
    }
    return Records.create(spec.type(), values);
  }

  private @Nullable Object make(Spec spec) {
    return switch (spec) {
      case Spec.OfOperand(boolean quantized, var rows, int width) -> {
        String name = "?" + placeholders++;
        yield quantized ? new QuantizedBuffer(name, rows, width) : new Buffer(name, rows, width);
      }
      case Spec.OfWeights weights -> weights(weights);
      case Spec.OfMatrices(int count, Spec.OfWeights each) ->
          IntStream.range(0, count).mapToObj(i -> weights(each)).toList();
      case Spec.OfEdits(int width, boolean subspaces) -> edits(width, subspaces);
      case Spec.OfTap tap -> tap(tap);
      case Spec.OfStatistics(int width) -> statistics(width);
      case Spec.OfAdapters table -> adapters(table);
      case Spec.OfMemory(int width) ->
          floats((long) width * Math.max(limits.tokens(), limits.logits()));
      case Spec.OfNumbers(int count) ->
          DoubleStream.generate(() -> random.nextInt(4) == 0 ? 0 : random.nextDouble())
              .limit(Math.min(count, 512))
              .boxed()
              .toList();
      case Spec.OfInt(int value) -> value;
      case Spec.OfValue(Object value) -> value;
      case Spec.OfRecord record -> record(record);
    };
  }

  private Weights weights(Spec.OfWeights spec) {
    if ((long) spec.n() * spec.k() > MAX_ELEMENTS) {
      throw new IllegalArgumentException("too large");
    }
    if (spec.n() <= 0 || spec.k() <= 0) {
      throw new IllegalArgumentException("not positive");
    }
    if (blank) {
      long bytes =
          spec.layout() == Weights.Layout.PACKED
              ? Packing.bytes(spec.type(), spec.n(), spec.k())
              : spec.n() * spec.type().bytes(spec.k());
      MemorySegment data = ZEROS.asSlice(0, bytes);
      return new Weights("w", spec.type(), spec.layout(), spec.n(), spec.k(), data);
    }
    return Matrices.of(
        spec.type(), spec.layout(), spec.n(), spec.k(), random.nextInt(Matrices.VARIANTS));
  }

  private MemorySegment floats(long count) {
    if (blank) {
      return ZEROS.asSlice(0, count * Float.BYTES);
    }
    MemorySegment memory = arena.allocate(Math.max(0, count) * Float.BYTES, 64);
    for (long i = 0; i < count; i++) {
      memory.setAtIndex(JAVA_FLOAT, i, Matrices.value(random, false));
    }
    return memory;
  }

  private EditTable edits(int width, boolean subspaces) {
    var table = new EditTable(width, 4, subspaces);
    if (blank) {
      return table;
    }
    List<List<EditTable.Entry>> steps = new ArrayList<>();
    for (int step = 0; step < 4; step++) {
      steps.add(Stream.generate(() -> entry(table)).limit(random.nextInt(4)).toList());
    }
    updates.add(
        step -> {
          table.clear();
          steps.get(step % steps.size()).forEach(entry -> table.add(entry.region(), entry.edit()));
        });
    return table;
  }

  private EditTable.Entry entry(EditTable table) {
    int begin = random.nextInt(table.width());
    int end = begin + 1 + random.nextInt(table.width() - begin);
    int from = random.nextInt(limits.positions());
    int to = from + 1 + random.nextInt(limits.positions());
    int sequence = random.nextInt(limits.sequences() + 1) - 1;
    var region = new EditTable.Region(sequence, from, to, begin, end);
    int rows = random.nextBoolean() ? 1 : to - from;
    MemorySegment values = floats((long) rows * region.columns());
    EditKind edit =
        switch (random.nextInt(table.subspaces() ? 5 : 4)) {
          case 0 -> new EditKind.Set(values);
          case 1 -> new EditKind.Add(random.nextInt(3) - 1, values);
          case 2 -> new EditKind.Scale(random.nextInt(3) / 2f);
          case 3 ->
              new EditKind.Clamp(-0.5f, random.nextBoolean() ? 0.5f : Float.POSITIVE_INFINITY);
          default -> {
            MemorySegment basis =
                floats((1L + random.nextInt(Math.min(3, region.columns()))) * region.columns());
            yield new EditKind.Subspace(basis, random.nextBoolean() ? null : values);
          }
        };
    return new EditTable.Entry(region, edit);
  }

  private TapTarget tap(Spec.OfTap spec) {
    int sequences = 1 + random.nextInt(limits.sequences());
    int from = random.nextInt(limits.positions());
    int count = 1 + random.nextInt(limits.positions());
    long rows = (long) sequences * count + random.nextInt(3);
    MemorySegment data = arena.allocate(TapTarget.bytes(spec.type(), spec.width(), rows), 64);
    written.add(data);
    var target = new TapTarget(spec.type(), spec.width(), rows, sequences, data, arena);
    updates.add(
        step -> {
          for (int s = 0; s < sequences; s++) {
            target.sequence(s, -1);
          }
          target.positions(from, from + count);
          for (int s = 0; s < sequences; s++) {
            target.sequence(s, (step + s) % 3 == 0 ? -1 : (long) s * count);
          }
        });
    return target;
  }

  private ColumnStatistics statistics(int width) {
    int count = 1 + random.nextInt(2);
    MemorySegment memory = arena.allocate(ColumnStatistics.bytes(width, count), 64);
    written.add(memory);
    int sequences = 1 + random.nextInt(limits.sequences());
    var statistics = new ColumnStatistics(width, count, sequences, memory, arena);
    int[] slots =
        IntStream.generate(() -> random.nextInt(count + 1) - 1).limit(sequences).toArray();
    updates.add(
        step -> {
          for (int s = 0; s < sequences; s++) {
            statistics.sequence(s, slots[s]);
          }
        });
    return statistics;
  }

  private LowRankTable adapters(Spec.OfAdapters spec) {
    return adapters.computeIfAbsent(spec, key -> newAdapters(spec));
  }

  private LowRankTable newAdapters(Spec.OfAdapters spec) {
    if (spec.n() <= 0 || spec.k() <= 0) {
      throw new IllegalArgumentException("not positive");
    }
    if ((long) spec.rank() * Math.max(spec.n(), spec.k()) > MAX_ELEMENTS) {
      throw new IllegalArgumentException("too large");
    }
    int slots = 1 + random.nextInt(2);
    int sequences = 1 + random.nextInt(limits.sequences());
    var table =
        new LowRankTable(
            List.of(new LowRankTable.Matrix(spec.n(), spec.k())), slots, sequences, spec.rank());
    if (blank) {
      return table;
    }
    List<LowRank> updatesOfSlots = new ArrayList<>();
    for (int slot = 0; slot < slots; slot++) {
      updatesOfSlots.add(update(spec));
    }
    int choice = random.nextInt(64);
    updates.add(
        step -> {
          for (int slot = 0; slot < slots; slot++) {
            boolean present = ((choice + step + slot) & 3) != 0;
            table.set(slot, Arrays.asList(present ? updatesOfSlots.get(slot) : null));
          }
          for (int s = 0; s < sequences; s++) {
            int slot = (choice + step + s) % (slots + 1) - 1;
            table.choose(s, slot, slot < 0 ? 0 : 0.5f + s);
          }
        });
    return table;
  }

  private LowRank update(Spec.OfAdapters spec) {
    int rank = 1 + random.nextInt(spec.rank());
    Weights a = weights(new Spec.OfWeights(WeightType.F32, Weights.Layout.ROWS, rank, spec.k()));
    MemorySegment b = arena.allocate(LowRank.bytes(spec.n(), rank), 64);
    for (int row = 0; row < spec.n(); row++) {
      for (int column = 0; column < rank; column++) {
        b.setAtIndex(JAVA_FLOAT, LowRank.index(rank, row, column), Matrices.value(random, false));
      }
    }
    return new LowRank(a, spec.n(), b, 0.75f);
  }
}
