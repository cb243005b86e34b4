package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.java.runtime.Attention;
import dev.vidrio.kernel.java.runtime.Share;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.vector.VectorKernels;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.PositionBias;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Attention and the storage of keys and values. */
class AttentionTest {
  private static final double U = 0x1p-24;
  private static final int POSITIONS = 640;
  private static final int SEQUENCES = 3;

  /** Largest distance with a bias of its own. */
  private static final int REACH = 37;

  enum Bias {
    NONE,
    LINEAR,
    TABLE
  }

  /**
   * The (sequence, position) of the queries: both sides of each chunk boundary, runs, and single
   * tokens.
   */
  private static final int[][] QUERIES = {
    {2, 0}, {0, 0}, {0, 1}, {0, 14}, {0, 15}, {0, 16}, {1, 253}, {1, 254}, {1, 255}, {1, 256},
    {1, 257}, {1, 258}, {0, 511}, {0, 512}, {0, 513}, {2, 63}, {2, 64}, {2, 639}
  };

  private final Random random = new Random(17);

  @ParameterizedTest
  @CsvSource({
    "6, 3, 64, F16, 0, SLIDING, 0, false, NONE",
    "4, 2, 16, BF16, 100, SLIDING, 0, true, NONE",
    "3, 1, 32, Q8_0, 0, SLIDING, 20, false, LINEAR",
    "9, 3, 64, Q8_0, 300, SLIDING, 0, true, LINEAR",
    "5, 1, 6, F32, 2, SLIDING, 3, false, LINEAR",
    "8, 2, 80, F16, 17, SLIDING, 0, false, NONE",
    "8, 2, 80, F32, 17, ALIGNED, 0, false, NONE",
    "9, 3, 64, Q8_0, 256, ALIGNED, 3, true, NONE",
    "5, 1, 6, BF16, 100, ALIGNED, 0, false, LINEAR",
    "4, 4, 32, F32, 0, CENTERED, 0, false, NONE",
    "6, 2, 16, F16, 30, CENTERED, 0, true, LINEAR",
    "4, 2, 64, Q8_0, 300, CENTERED, 2, false, LINEAR",
    "4, 2, 64, F32, 0, CENTERED, 0, false, TABLE",
    "9, 3, 64, F16, 0, SLIDING, 2, true, TABLE",
    "2, 1, 96, Q8_0, 300, ALIGNED, 0, false, TABLE",
    "4, 2, 64, Q4_0, 0, SLIDING, 0, true, NONE",
    "2, 1, 96, Q4_0, 300, SLIDING, 2, false, LINEAR"
  })
  @Tag("long")
  void attention_typesAndParameters(
      int heads,
      int kvHeads,
      int dH,
      KvType type,
      int window,
      Window.Shape shape,
      float cap,
      boolean sinks,
      Bias bias) {
    try (Arena arena = Arena.ofConfined();
        Case test = new Case(arena, heads, kvHeads, dH, type)) {
      test.window = new Window(window, shape);
      test.cap = cap;
      test.sinks = sinks;
      test.bias = bias;
      MemorySegment expected = test.run(new ScalarKernels(), 1);
      for (int workers = 1; workers <= 3; workers++) {
        Segments.assertSameBits(expected, test.run(new VectorKernels(), workers), "vector");
      }
    }
  }

  /** Biases, against the formula in double. */
  @ParameterizedTest
  @CsvSource({"8, 4, 16, LINEAR", "5, 1, 40, LINEAR", "8, 4, 16, TABLE", "5, 1, 40, TABLE"})
  void attention_bias(int heads, int kvHeads, int dH, Bias bias) {
    try (Arena arena = Arena.ofConfined();
        Case test = new Case(arena, heads, kvHeads, dH)) {
      test.bias = bias;
      test.assertNear(test.run(new ScalarKernels(), 1));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 64",
    "9, 3, 64",
    "4, 1, 64",
    "8, 4, 16",
    "2, 2, 6",
    "5, 1, 40",
    "10, 2, 80",
    "3, 3, 129"
  })
  void attention(int heads, int kvHeads, int dH) {
    try (Arena arena = Arena.ofConfined();
        Case test = new Case(arena, heads, kvHeads, dH)) {
      MemorySegment expected = test.run(new ScalarKernels(), 1);
      test.assertNear(expected);
      Segments.assertSameBits(expected, test.run(new ScalarKernels(), 3), "scalar, 3 workers");
      for (int workers : new int[] {1, 4}) {
        Segments.assertSameBits(expected, test.run(new VectorKernels(), workers), "vector");
      }
    }
  }

  @Test
  void ignoresPositionsOutsideTheWindow() {
    try (Arena arena = Arena.ofConfined();
        Case test = new Case(arena, 6, 2, 32)) {
      MemorySegment expected = test.run(new VectorKernels(), 1);
      test.poisonUnused();
      Segments.assertSameBits(expected, test.run(new VectorKernels(), 1), "vector");
      Segments.assertSameBits(expected, test.run(new ScalarKernels(), 1), "scalar");
    }
  }

  @Test
  void largeScores_doNotOverflow() {
    try (Arena arena = Arena.ofConfined();
        Case test = new Case(arena, 2, 1, 16)) {
      for (int i = 0; i < test.q.byteSize() / 4; i++) {
        test.q.setAtIndex(JAVA_FLOAT, i, test.q.getAtIndex(JAVA_FLOAT, i) * 1e4f);
      }
      MemorySegment expected = test.run(new ScalarKernels(), 1);
      for (float z : Segments.toArray(expected)) {
        assertTrue(Float.isFinite(z));
      }
      Segments.assertSameBits(expected, test.run(new VectorKernels(), 2), "vector");
    }
  }

  /** A cache filled by kvStore, and queries. */
  private final class Case implements AutoCloseable {
    final Arena arena;
    final int heads;
    final int kvHeads;
    final int dH;
    final float scale;
    final JavaExecutor executor = JavaExecutor.scalar(1);
    final KvCache cache;
    final Limits limits = new Limits(POSITIONS, 1, SEQUENCES, POSITIONS, 1);
    final MemorySegment[] keys = new MemorySegment[SEQUENCES];
    final MemorySegment[] values = new MemorySegment[SEQUENCES];
    final Batch batch;
    final MemorySegment q;
    final MemorySegment ofHeads;
    final MemorySegment biases;
    Window window = Window.ALL;
    float cap;
    boolean sinks;
    Bias bias = Bias.NONE;

    Case(Arena arena, int heads, int kvHeads, int dH) {
      this(arena, heads, kvHeads, dH, KvType.F32);
    }

    Case(Arena arena, int heads, int kvHeads, int dH, KvType type) {
      this.arena = arena;
      this.heads = heads;
      this.kvHeads = kvHeads;
      this.dH = dH;
      this.scale = (float) (1 / Math.sqrt(dH));
      int blocks = SEQUENCES * limits.blocksPerSequence();
      var placing = new PlacingExecutor(executor, 2);
      this.cache = new KvCache(placing, new KvShape(2, kvHeads, dH), type, blocks, 0, arena);
      for (int s = 0; s < SEQUENCES; s++) {
        keys[s] = Segments.floats(arena, (long) POSITIONS * kvHeads * dH, random::nextGaussian);
        values[s] = Segments.floats(arena, (long) POSITIONS * kvHeads * dH, random::nextGaussian);
        store(s);
      }
      this.batch = new Batch(limits, arena);
      for (int s = 0; s < SEQUENCES; s++) {
        batch.addSequence(table(s), limits.blocksPerSequence());
      }
      for (int[] query : QUERIES) {
        batch.add(0, query[1], query[0], false);
      }
      this.q = Segments.floats(arena, (long) QUERIES.length * heads * dH, random::nextGaussian);
      this.ofHeads = Segments.floats(arena, heads, random::nextGaussian);
      this.biases = Segments.floats(arena, heads * (2L * REACH + 1), random::nextGaussian);
    }

    /**
     * Returns the block table of a sequence: blocks of sequences alternate, in descending order.
     */
    int[] table(int sequence) {
      int[] blocks = new int[limits.blocksPerSequence()];
      for (int i = 0; i < blocks.length; i++) {
        blocks[i] = (blocks.length - 1 - i) * SEQUENCES + sequence;
      }
      return blocks;
    }

    private void store(int sequence) {
      Batch all = new Batch(limits, arena);
      all.addSequence(table(sequence), limits.blocksPerSequence());
      for (int p = 0; p < POSITIONS; p++) {
        all.add(0, p, 0, false);
      }
      KvLayer layer = KvLayer.of(cache, 1);
      for (int row = 0; row < POSITIONS; row++) {
        layer.store(all, row, keys[sequence], values[sequence]);
      }
    }

    MemorySegment run(ScalarKernels kernels, int workers) {
      int width = heads * dH;
      Buffer in = new Buffer("q", Rows.TOKENS, width);
      Buffer out = new Buffer("z", Rows.TOKENS, width);
      Weights vector =
          new Weights("of heads", WeightType.F32, Weights.Layout.ROWS, 1, heads, ofHeads);
      SequenceOp.Attention op =
          new SequenceOp.Attention(
              1, heads, scale, window, cap, sinks ? vector : null, positionBias(vector), in, out);
      MemorySegment z = Segments.floats(arena, (long) QUERIES.length * width);
      for (int worker = 0; worker < workers; worker++) {
        var attention = new Attention(op, KvLayer.of(cache, 1), q, z);
        kernels.attention(attention, batch, new Share(worker, workers));
      }
      return z;
    }

    private @Nullable PositionBias positionBias(Weights slopes) {
      return switch (bias) {
        case NONE -> null;
        case LINEAR -> new PositionBias.Linear(slopes);
        case TABLE ->
            new PositionBias.Table(
                new Weights(
                    "biases", WeightType.F32, Weights.Layout.ROWS, heads, 2 * REACH + 1, biases));
      };
    }

    /** Stores NaN at every position after a sequence's last query. */
    void poisonUnused() {
      int[] last = new int[SEQUENCES];
      for (int[] query : QUERIES) {
        last[query[0]] = Math.max(last[query[0]], query[1]);
      }
      for (int s = 0; s < SEQUENCES; s++) {
        for (long i = (last[s] + 1L) * kvHeads * dH; i < keys[s].byteSize() / 4; i++) {
          keys[s].setAtIndex(JAVA_FLOAT, i, Float.NaN);
          values[s].setAtIndex(JAVA_FLOAT, i, Float.NaN);
        }
        store(s);
      }
    }

    void assertNear(MemorySegment z) {
      for (int row = 0; row < QUERIES.length; row++) {
        for (int head = 0; head < heads; head++) {
          assertNear(z, row, head);
        }
      }
    }

    private void assertNear(MemorySegment z, int row, int head) {
      int sequence = QUERIES[row][0];
      int count = QUERIES[row][1] + 1;
      int kvHead = head / (heads / kvHeads);
      double[] s = new double[count];
      double max = Double.NEGATIVE_INFINITY;
      double magnitude = 0;
      for (int t = 0; t < count; t++) {
        double sum = 0;
        for (int i = 0; i < dH; i++) {
          double product =
              (double) q.getAtIndex(JAVA_FLOAT, ((long) row * heads + head) * dH + i)
                  * keys[sequence].getAtIndex(JAVA_FLOAT, ((long) t * kvHeads + kvHead) * dH + i);
          s[t] += product * scale;
          sum += Math.abs(product) * scale;
        }
        double term =
            switch (bias) {
              case NONE -> 0;
              case LINEAR -> ofHeads.getAtIndex(JAVA_FLOAT, head) * (double) (t + 1 - count);
              case TABLE ->
                  biases.getAtIndex(
                      JAVA_FLOAT,
                      (long) head * (2 * REACH + 1) + Math.max(REACH + t + 1 - count, 0));
            };
        s[t] += term;
        sum += Math.abs(term);
        max = Math.max(max, s[t]);
        magnitude = Math.max(magnitude, sum);
      }
      // A score rounds d_h + 1 times, and again when the maximum is subtracted.
      double score = (dH + 2) * U * magnitude + U * 2 * magnitude;
      // An exponential is off by that and by 2 U. Sums over a chunk add up to 256 terms, and a
      // merge
      // multiplies twice; numerator and denominator are off by as much.
      double relative = 2 * (2 * score + (2 + 256 + 8 * Math.ceilDiv(count, 256)) * U);
      for (int i = 0; i < dH; i++) {
        double numerator = 0;
        double denominator = 0;
        double weight = 0;
        for (int t = 0; t < count; t++) {
          double e = Math.exp(s[t] - max);
          double v =
              values[sequence].getAtIndex(JAVA_FLOAT, ((long) t * kvHeads + kvHead) * dH + i);
          numerator += e * v;
          weight += e * Math.abs(v);
          denominator += e;
        }
        double error =
            Math.abs(
                z.getAtIndex(JAVA_FLOAT, ((long) row * heads + head) * dH + i)
                    - numerator / denominator);
        assertTrue(error <= relative * weight / denominator, row + " " + head + ": " + error);
      }
    }

    @Override
    public void close() {
      executor.close();
    }
  }

  @Test
  void kvStore_interleavesKeys() {
    try (Arena arena = Arena.ofConfined();
        Case test = new Case(arena, 4, 2, 10)) {
      MemorySegment keys = test.cache.keys(1);
      MemorySegment values = test.cache.values(1);
      for (int s = 0; s < SEQUENCES; s++) {
        for (int p = 0; p < POSITIONS; p++) {
          for (int j = 0; j < 2 * 10; j++) {
            int head = j / 10;
            int i = j % 10;
            assertEquals(1, test.cache.groupHeads(1));
            long block = test.table(s)[p / 64] * test.cache.stride(1);
            long page = (block + head * test.cache.groupStride(1)) / 4;
            long place = p % 64;
            long key = page + (place / 16 * 10 + i) * 16 + place % 16;
            long value = page + place * 10 + i;
            long from = (long) p * 20 + j;
            assertEquals(
                test.keys[s].getAtIndex(JAVA_FLOAT, from), keys.getAtIndex(JAVA_FLOAT, key));
            assertEquals(
                test.values[s].getAtIndex(JAVA_FLOAT, from), values.getAtIndex(JAVA_FLOAT, value));
          }
        }
      }
    }
  }
}
