package dev.vidrio.kernel.java.vector;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.java.runtime.Attention;
import dev.vidrio.kernel.java.runtime.Share;
import dev.vidrio.kernel.java.scalar.QuantizedQuery;
import dev.vidrio.kernel.java.scalar.ScalarAttention;
import dev.vidrio.kernel.java.scalar.ScalarMath;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Attention with the Vector API. Up to {@value AttentionKernels#QUERIES} queries that share a
 * key-value head, of its query heads and of adjacent tokens of a sequence, read its keys and values
 * together, chunk by chunk.
 */
final class VectorAttention {
  private static final int QUERIES = AttentionKernels.QUERIES;

  /** Tokens with queries that form a tile. */
  private static final int TOKENS = 4;

  private static final int CHUNK = ScalarAttention.CHUNK;
  private static final int BLOCK = KvCache.BLOCK;

  private final AttentionKernels kernels = new AttentionKernels();

  // Per query of the tile: its index over all rows, its head, its position, the positions [first,
  // end) that it attends to, and those of the chunk.
  private final long[] at = new long[QUERIES];
  private final int[] heads = new int[QUERIES];
  private final int[] position = new int[QUERIES];
  private final int[] first = new int[QUERIES];
  private final int[] end = new int[QUERIES];
  private final int[] from = new int[QUERIES];
  private final int[] to = new int[QUERIES];
  private final QuantizedQuery[] loaded = new QuantizedQuery[QUERIES];
  private int queries;
  private final FloatBlock floats = new FloatBlock();

  // Over all chunks so far: maximum score, sum of exponentials, and weighted values [query][d_v].
  private final float[] max = new float[QUERIES];
  private final float[] sum = new float[QUERIES];
  private float[] total = {};

  /**
   * Computes every {@code share.workers()}-th tile, since later tokens attend to more positions.
   */
  void run(Attention attention, Batch batch, Share share) {
    SequenceOp.Attention op = attention.op();
    KvLayer layer = attention.layer();
    int group = attention.group();
    int tiles = Math.ceilDiv(batch.tokenCount(), TOKENS) * layer.heads();
    if (total.length < QUERIES * layer.dV()) {
      total = new float[QUERIES * layer.dV()];
    }
    kernels.prepare(layer.dH(), layer.dV(), op.scale());
    for (int tile = share.worker(); tile < tiles; tile += share.workers()) {
      int head = tile % layer.heads();
      int begin = tile / layer.heads() * TOKENS;
      int last = Math.min(begin + TOKENS, batch.tokenCount());
      for (int row = begin; row < last; row++) {
        int sequence = batch.sequence(row);
        boolean sequenceEnds = row + 1 == last || batch.sequence(row + 1) != sequence;
        for (int h = 0; h < group; h++) {
          heads[queries] = head * group + h;
          at[queries] = (long) row * op.heads() + heads[queries];
          position[queries] = batch.position(row);
          first[queries] = op.window().first(position[queries]);
          end[queries] = batch.end(op.window(), row);
          queries++;
          if (queries == QUERIES || (sequenceEnds && h + 1 == group)) {
            attend(attention, batch, sequence, head);
            queries = 0;
          }
        }
      }
    }
  }

  private void attend(Attention attention, Batch batch, int sequence, int head) {
    KvLayer layer = attention.layer();
    int last = end[queries - 1];
    for (int j = 0; j < queries; j++) {
      loaded[j] = new QuantizedQuery(layer);
      loaded[j].load(attention.q(), at[j] * layer.dH());
      kernels.loadQuery(j, loaded[j], queries);
    }
    Arrays.fill(sum, 0);
    for (int begin = first[0] / CHUNK * CHUNK; begin < last; begin += CHUNK) {
      int chunkEnd = Math.min(begin + CHUNK, last);
      for (int t = Math.max(begin, first[0] / BLOCK * BLOCK); t < chunkEnd; t += BLOCK) {
        long page = layer.keyPage(batch, sequence, head, t);
        score(layer, page, t - begin, Math.min(BLOCK, chunkEnd - t));
      }
      addChunk(attention.op(), layer, batch, sequence, head, begin);
    }
    int dV = layer.dV();
    for (int j = 0; j < queries; j++) {
      float factor = ScalarAttention.factor(attention.op(), heads[j], max[j], sum[j]);
      for (int i = 0; i < dV; i++) {
        Elements.set(attention.z(), at[j] * dV + i, total[j * dV + i] * factor);
      }
      layer.rotateBack(attention.z(), at[j] * dV);
    }
  }

  /** Computes the scores of the first {@code count} positions of a page, which begin at t. */
  private void score(KvLayer layer, long page, int t, int count) {
    MemorySegment keys = floats.keys(layer, page, count);
    long first = FloatBlock.first(layer, page);
    if (layer.type().isScaled()) {
      MemorySegment scales = floats.keyScales(layer, page, count);
      for (int j = 0; j < queries; j++) {
        kernels.scoreQuantized(j, loaded[j].anchorDot(page), keys, first, scales, t, count);
      }
    } else {
      kernels.score(keys, first, t, count);
    }
  }

  /** Merges a chunk with computed scores into the results of the queries. */
  private void addChunk(
      SequenceOp.Attention op, KvLayer layer, Batch batch, int sequence, int head, int begin) {
    int commonFrom = 0;
    int commonTo = CHUNK;
    for (int j = 0; j < queries; j++) {
      from[j] = Math.clamp(first[j] - begin, 0, CHUNK);
      to[j] = Math.clamp(end[j] - begin, 0, CHUNK);
      commonFrom = Math.max(commonFrom, from[j]);
      commonTo = Math.min(commonTo, to[j]);
      if (from[j] < to[j]) {
        kernels.cap(op, j, from[j], to[j]);
        kernels.addBias(op.bias(), j, heads[j], begin - position[j], from[j], to[j]);
        kernels.exponentials(j, from[j], to[j]);
      }
    }
    if (queries == 1) {
      commonTo = 0;
    }
    commonTo = Math.max(commonFrom, commonTo);
    kernels.clearSums();
    // In ascending order for each query: before the common positions, the common ones, the rest.
    for (int j = 0; j < queries; j++) {
      weigh(j, layer, batch, sequence, head, begin, from[j], Math.min(commonFrom, to[j]));
    }
    weigh(-1, layer, batch, sequence, head, begin, commonFrom, commonTo);
    for (int j = 0; j < queries; j++) {
      weigh(j, layer, batch, sequence, head, begin, Math.max(commonTo, from[j]), to[j]);
      if (from[j] < to[j]) {
        merge(j, layer.dV());
      }
    }
  }

  /**
   * Adds the values of positions [t, last) of the chunk to the sums of query j, or of all if −1.
   */
  private void weigh(
      int j, KvLayer layer, Batch batch, int sequence, int head, int begin, int t, int last) {
    for (int next; t < last; t = next) {
      next = Math.min(t / BLOCK * BLOCK + BLOCK, last);
      long page = layer.valuePage(batch, sequence, head, begin + t);
      int place = t % BLOCK;
      MemorySegment values = floats.values(layer, page, place, place + next - t);
      long at = FloatBlock.firstValue(layer, page) + (long) place * layer.dV();
      if (j < 0) {
        kernels.weigh(values, at, t, next - t);
      } else {
        kernels.weighSingle(j, values, at, t, next - t);
      }
    }
  }

  private void merge(int j, int dV) {
    float[] sums = kernels.sums();
    if (sum[j] == 0) { // the sum of a chunk is at least 1
      System.arraycopy(sums, j * dV, total, j * dV, dV);
      max[j] = kernels.max(j);
      sum[j] = kernels.sum(j);
      return;
    }
    float newMax = Math.max(max[j], kernels.max(j));
    float a = ScalarMath.exp(max[j] - newMax);
    float b = ScalarMath.exp(kernels.max(j) - newMax);
    for (int i = j * dV; i < (j + 1) * dV; i++) {
      total[i] = Math.fma(sums[i], b, total[i] * a);
    }
    sum[j] = Math.fma(kernels.sum(j), b, sum[j] * a);
    max[j] = newMax;
  }
}
