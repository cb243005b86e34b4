package dev.vidrio.kernel.java.runtime;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.execution.RotationTable;
import dev.vidrio.kernel.execution.Workspace.Quantized;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of operations, as defined by docs/numerics.md. Each computes a range [begin, end) of
 * its outputs, in the unit that its comment names. Activations are f32 in row-major order. An
 * instance serves one worker and may keep scratch memory; it is not thread-safe.
 */
public interface Kernels {
  /** Computes rows of y [tokens, d]. */
  void embed(Op.Embed op, Batch batch, MemorySegment y, int begin, int end);

  /** Computes heads of all rows; {@code scale} [rows, heads] may be null. */
  void norm(
      Op.Norm op,
      MemorySegment x,
      MemorySegment y,
      @Nullable MemorySegment scale,
      int begin,
      int end);

  /** Computes blocks of 32 elements. */
  void quantize(MemorySegment x, Quantized y, int begin, int end);

  /** Computes groups of 16 columns of y: all rows of x [rows, K] by floating-point weights. */
  void matMul(Weights weights, MemorySegment x, MemorySegment y, int rows, int begin, int end);

  /** Computes groups of 16 columns of y: all rows of x [rows, K] by packed weights. */
  void matMul(Weights weights, Quantized x, MemorySegment y, int rows, int begin, int end);

  /** Computes heads of all tokens; head h of token i has index i · heads + h. */
  void rope(
      SequenceOp.Rope op,
      RotationTable table,
      Batch batch,
      MemorySegment x,
      MemorySegment y,
      int begin,
      int end);

  /** Stores the keys and values of tokens. */
  void kvStore(KvLayer layer, Batch batch, MemorySegment k, MemorySegment v, int begin, int end);

  /** Computes the (token, head) pairs of this worker. */
  void attention(
      SequenceOp.Attention op,
      KvLayer layer,
      Batch batch,
      MemorySegment q,
      MemorySegment z,
      Share share);

  /** Computes columns, for all tokens. */
  void conv(Convolution conv, Batch batch, int begin, int end);

  /** Computes heads, for all tokens. */
  void recurrence(Recurrence recurrence, Batch batch, int begin, int end);

  /** Computes elements; {@code up} may be null. */
  void activation(
      Op.ActivationKind kind,
      MemorySegment x,
      @Nullable MemorySegment up,
      MemorySegment y,
      long begin,
      long end);

  /** Computes elements. */
  void add(MemorySegment a, MemorySegment b, MemorySegment y, long begin, long end);

  /** Computes rows: a [rows, width] plus the vector b [width]. */
  void addBias(MemorySegment a, MemorySegment b, MemorySegment y, int begin, int end);

  /** Computes elements. */
  void scale(MemorySegment x, float factor, MemorySegment y, long begin, long end);

  /** Computes rows of y. */
  void edit(HookOp.Edit op, Batch batch, MemorySegment x, MemorySegment y, int begin, int end);

  /** Copies rows of x to the target. */
  void tap(HookOp.Tap op, Batch batch, MemorySegment x, int begin, int end);

  /**
   * Computes one row {@code y = x + B · t}; x and y begin at element {@code at}, t at {@code tAt}.
   */
  void lowRankUp(
      LowRank update, MemorySegment x, long at, MemorySegment t, long tAt, MemorySegment y);

  /** Computes rows: logits [rows, E] → experts and weights [rows, k]. */
  void route(
      ExpertOp.Route op,
      MemorySegment logits,
      MemorySegment experts,
      MemorySegment weights,
      int begin,
      int end);

  /** Computes rows of y [rows, d] from x [rows, k, d] and weights [rows, k]. */
  void expertSum(
      ExpertOp.ExpertSum op,
      MemorySegment x,
      MemorySegment weights,
      MemorySegment y,
      int begin,
      int end);

  /** Computes rows of y [logits, width]. */
  void gather(Batch batch, MemorySegment x, MemorySegment y, int width, int begin, int end);

  /** Computes the results of rows of x; {@code ids} are int32. */
  void topK(
      Op.TopK op,
      MemorySegment x,
      MemorySegment values,
      MemorySegment ids,
      MemorySegment sums,
      int begin,
      int end);
}
