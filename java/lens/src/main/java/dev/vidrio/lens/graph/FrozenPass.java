package dev.vidrio.lens.graph;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.Interruption;
import dev.vidrio.model.Model;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A text's forward pass and many backward passes through what remains linear if attention patterns,
 * gates and the divisors of norms are constants. Copies of the text run together, so that a
 * backward pass has as many targets as copies.
 *
 * <p>Not thread-safe.
 */
final class FrozenPass implements AutoCloseable {
  /** Patterns, gates and divisors are constants; activation functions are multiples. */
  static final GradientRules RULES = GradientRules.CP_LRP;

  private final Arena arena = Arena.ofShared();
  private final Map<Buffer, MemorySegment> seeds = new LinkedHashMap<>();
  private final Gradient gradient;
  private final Batch batch;
  private final ExecutablePlan plan;
  private final int[][] blocks;
  private final int[] slots;
  private final int tokens;

  /**
   * Prepares the passes.
   *
   * @param forward its outputs are kept
   * @param seeded the activations from which gradients start
   * @param wanted the activations to compute gradients for
   * @param constants those that pass no gradient on
   * @param tokens the length of the text
   * @param copies of the text
   */
  FrozenPass(
      Model model,
      Plan forward,
      Set<Buffer> seeded,
      Set<Buffer> wanted,
      Set<Buffer> constants,
      int tokens,
      int copies) {
    this.tokens = tokens;
    Executor executor = model.executor();
    int rows = Math.multiplyExact(tokens, copies);
    var limits = new Limits(rows, copies, copies, tokens, model.architecture().vocabulary());
    try {
      for (Buffer buffer : seeded) {
        int capacity = buffer.rows() == Rows.TOKENS ? rows : copies;
        long bytes = Math.multiplyExact((long) buffer.width() * Float.BYTES, capacity);
        seeds.put(buffer, executor.allocate(bytes, arena));
      }
      this.gradient =
          new Differentiation(seeds, wanted, RULES)
              .withConstants(constants)
              .differentiate(forward)
              .repeatable();
      this.batch = new Batch(limits, arena);
      int count = limits.blocksPerSequence();
      var cache =
          new KvCache(
              executor, forward.kv(), KvType.F32, Math.multiplyExact(count, copies), copies, arena);
      this.blocks = new int[copies][];
      this.slots = new int[copies];
      for (int i = 0; i < copies; i++) {
        blocks[i] = IntStream.generate(cache::acquire).limit(count).toArray();
        slots[i] = cache.acquireSlot();
      }
      this.plan = executor.prepare(gradient.plan(), limits, cache);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Returns those of some activations that a gradient from the seeds reaches. */
  static Set<Buffer> reached(
      Plan forward, Set<Buffer> seeded, Set<Buffer> wanted, Set<Buffer> constants) {
    Map<Buffer, MemorySegment> unused = new LinkedHashMap<>();
    seeded.forEach(buffer -> unused.put(buffer, MemorySegment.ofArray(new float[buffer.width()])));
    var differentiation = new Differentiation(unused, wanted, RULES).withConstants(constants);
    return new HashSet<>(differentiation.reached(forward));
  }

  /** Returns the number of targets of a backward pass. */
  int copies() {
    return blocks.length;
  }

  /** Runs the text forward; its last position has logits. */
  void forward(int[] text) {
    batch.clear();
    for (int i = 0; i < blocks.length; i++) {
      int sequence = batch.addSequence(blocks[i], blocks[i].length, slots[i]);
      for (int j = 0; j < text.length; j++) {
        batch.add(text[j], j, sequence, j == text.length - 1);
      }
    }
    Interruption.run(plan, batch, 0, gradient.forwardOps());
  }

  /** Returns the values of an output of the forward pass, [n][width]. */
  float[][] values(Buffer buffer) {
    return rows(buffer, buffer, 0);
  }

  /** Sets all seeds to 0. */
  void clear() {
    seeds.values().forEach(values -> values.fill((byte) 0));
  }

  /** Sets the seed of a copy at a position of the text. */
  void seed(int copy, Buffer buffer, int position, float[] vector) {
    int row = buffer.rows() == Rows.TOKENS ? copy * tokens + position : copy;
    MemorySegment values = seeds.get(buffer);
    if (values == null) {
      throw new IllegalArgumentException(buffer.name() + " is not a seed");
    }
    MemorySegment.copy(vector, 0, values, JAVA_FLOAT, 4L * row * buffer.width(), buffer.width());
  }

  /** Runs the backward pass from the seeds. */
  void backward() {
    Interruption.run(plan, batch, gradient.forwardOps(), gradient.plan().ops().size());
  }

  /** Returns the gradient of a copy's seed with respect to a wanted activation, [n][width]. */
  float[][] gradient(Buffer buffer, int copy) {
    return rows(gradient.of(buffer), buffer, copy);
  }

  private float[][] rows(Buffer from, Buffer shape, int copy) {
    int count = shape.rows() == Rows.TOKENS ? tokens : 1;
    var rows = new float[count][shape.width()];
    MemorySegment data = plan.data(from);
    for (int i = 0; i < count; i++) {
      long offset = 4L * (copy * count + i) * shape.width();
      MemorySegment.copy(data, JAVA_FLOAT, offset, rows[i], 0, shape.width());
    }
    return rows;
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}
