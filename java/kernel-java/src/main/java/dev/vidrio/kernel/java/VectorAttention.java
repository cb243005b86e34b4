package dev.vidrio.kernel.java;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Op;
import java.lang.foreign.MemorySegment;

/**
 * attention: up to {@value AttentionKernels#QUERIES} queries that share a key-value head read its
 * keys and values together, a chunk at a time. They are the query heads of the key-value head, and
 * adjacent tokens of a sequence.
 */
final class VectorAttention {
  private static final int QUERIES = AttentionKernels.QUERIES;

  /** Tokens from which a worker takes queries at once. */
  private static final int TOKENS = 4;

  private static final int CHUNK = ScalarAttention.CHUNK;
  private static final int BLOCK = KvCache.BLOCK;

  private final AttentionKernels kernels = new AttentionKernels();

  // Of each query of the tile: where it begins in q and z, how many positions it sees, and how many
  // of the chunk.
  private final long[] at = new long[QUERIES];
  private final int[] count = new int[QUERIES];
  private final int[] seen = new int[QUERIES];
  private int queries;

  // Of all chunks so far: greatest score, sum of exponentials, and weighted values [query][d_h].
  private final float[] max = new float[QUERIES];
  private final float[] sum = new float[QUERIES];
  private float[] total = {};

  /** Every {@code share.workers()}-th tile, since later tokens have more to read. */
  void run(
      Op.Attention op, KvLayer layer, Batch batch, MemorySegment q, MemorySegment z, Share share) {
    int group = op.heads() / layer.heads();
    int tiles = Math.ceilDiv(batch.tokenCount(), TOKENS) * layer.heads();
    if (total.length < QUERIES * layer.dH()) {
      total = new float[QUERIES * layer.dH()];
    }
    kernels.prepare(layer.dH(), op.scale());
    for (int tile = share.worker(); tile < tiles; tile += share.workers()) {
      int head = tile % layer.heads();
      int begin = tile / layer.heads() * TOKENS;
      int end = Math.min(begin + TOKENS, batch.tokenCount());
      for (int row = begin; row < end; row++) {
        int sequence = batch.sequence(row);
        boolean sequenceEnds = row + 1 == end || batch.sequence(row + 1) != sequence;
        for (int h = 0; h < group; h++) {
          at[queries] = ((long) row * op.heads() + (long) head * group + h) * layer.dH();
          count[queries++] = batch.position(row) + 1;
          if (queries == QUERIES || (sequenceEnds && h + 1 == group)) {
            attend(layer, batch, sequence, head, q, z);
            queries = 0;
          }
        }
      }
    }
  }

  private void attend(
      KvLayer layer, Batch batch, int sequence, int head, MemorySegment q, MemorySegment z) {
    int last = count[queries - 1];
    kernels.loadQueries(q, at, queries);
    for (int begin = 0; begin < last; begin += CHUNK) {
      int end = Math.min(begin + CHUNK, last);
      for (int t = begin; t < end; t += BLOCK) {
        long keys = layer.head(batch.block(sequence, t), head);
        kernels.score(layer.keys(), keys, t - begin, Math.min(BLOCK, end - t));
      }
      addChunk(layer, batch, sequence, head, begin);
    }
    int dH = layer.dH();
    for (int j = 0; j < queries; j++) {
      float inverse = 1 / sum[j];
      for (int i = 0; i < dH; i++) {
        Elements.set(z, at[j] + i, total[j * dH + i] * inverse);
      }
    }
  }

  /** Adds a chunk, whose scores are known, to what the queries have so far. */
  private void addChunk(KvLayer layer, Batch batch, int sequence, int head, int begin) {
    int common = CHUNK;
    for (int j = 0; j < queries; j++) {
      seen[j] = Math.clamp(count[j] - begin, 0, CHUNK);
      common = Math.min(common, seen[j]);
      if (seen[j] > 0) {
        kernels.exponentials(j, seen[j]);
      }
    }
    if (queries == 1) {
      common = 0;
    }
    kernels.clearSums();
    for (int t = 0; t < common; t += BLOCK) {
      long values = layer.value(batch, sequence, head, begin + t);
      kernels.weigh(layer.values(), values, t, Math.min(BLOCK, common - t));
    }
    for (int j = 0; j < queries; j++) {
      for (int t = common; t < seen[j]; ) {
        int end = Math.min(t / BLOCK * BLOCK + BLOCK, seen[j]);
        long values = layer.value(batch, sequence, head, begin + t);
        kernels.weighSingle(j, layer.values(), values, t, end - t);
        t = end;
      }
      if (seen[j] > 0) {
        merge(j, layer.dH(), begin == 0);
      }
    }
  }

  private void merge(int j, int dH, boolean first) {
    float[] sums = kernels.sums();
    if (first) {
      System.arraycopy(sums, j * dH, total, j * dH, dH);
      max[j] = kernels.max(j);
      sum[j] = kernels.sum(j);
      return;
    }
    float newMax = Math.max(max[j], kernels.max(j));
    float a = ScalarMath.exp(max[j] - newMax);
    float b = ScalarMath.exp(kernels.max(j) - newMax);
    for (int i = j * dH; i < (j + 1) * dH; i++) {
      total[i] = Math.fma(sums[i], b, total[i] * a);
    }
    sum[j] = Math.fma(kernels.sum(j), b, sum[j] * a);
    max[j] = newMax;
  }
}
