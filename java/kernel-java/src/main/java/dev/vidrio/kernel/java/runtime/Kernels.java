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
 * The operations of a plan, as docs/numerics.md defines them. Each computes the outputs [begin,
 * end) of those that its comment counts. Activations are f32 in row-major order. An instance serves
 * one worker: it may keep scratch memory.
 */
public interface Kernels {
  /** Rows of y: [tokens, d]. */
  void embed(Op.Embed op, Batch batch, MemorySegment y, int begin, int end);

  /** Heads of all rows; {@code scale} [rows, heads] may be null. */
  void norm(
      Op.Norm op,
      MemorySegment x,
      MemorySegment y,
      @Nullable MemorySegment scale,
      int begin,
      int end);

  /** Blocks of 32 elements. */
  void quantize(MemorySegment x, Quantized y, int begin, int end);

  /** Groups of 16 columns of y: all rows of x [rows, K] by F32 or F16 weights. */
  void matMul(Weights weights, MemorySegment x, MemorySegment y, int rows, int begin, int end);

  /** Groups of 16 columns of y: all rows of x [rows, K] by packed weights. */
  void matMul(Weights weights, Quantized x, MemorySegment y, int rows, int begin, int end);

  /** Heads of all tokens: head h of token i is number i · heads + h. */
  void rope(
      SequenceOp.Rope op,
      RotationTable table,
      Batch batch,
      MemorySegment x,
      MemorySegment y,
      int begin,
      int end);

  /** Tokens. */
  void kvStore(KvLayer layer, Batch batch, MemorySegment k, MemorySegment v, int begin, int end);

  /** Whichever (token, head) fall to this worker. */
  void attention(
      SequenceOp.Attention op,
      KvLayer layer,
      Batch batch,
      MemorySegment q,
      MemorySegment z,
      Share share);

  /** Columns, of all tokens. */
  void conv(Convolution conv, Batch batch, int begin, int end);

  /** Heads, of all tokens. */
  void recurrence(Recurrence recurrence, Batch batch, int begin, int end);

  /** Elements; {@code up} may be null. */
  void activation(
      Op.ActivationKind kind,
      MemorySegment x,
      @Nullable MemorySegment up,
      MemorySegment y,
      long begin,
      long end);

  /** Elements. */
  void add(MemorySegment a, MemorySegment b, MemorySegment y, long begin, long end);

  /** Rows: a [rows, width] and the vector b [width]. */
  void addBias(MemorySegment a, MemorySegment b, MemorySegment y, int begin, int end);

  /** Elements. */
  void scale(MemorySegment x, float factor, MemorySegment y, long begin, long end);

  /** Rows of y. */
  void edit(HookOp.Edit op, Batch batch, MemorySegment x, MemorySegment y, int begin, int end);

  /** Rows of x. */
  void tap(HookOp.Tap op, Batch batch, MemorySegment x, int begin, int end);

  /**
   * One row: adds B · t to x, which like y begins at element {@code at}; t begins at {@code tAt}.
   */
  void lowRankUp(
      LowRank update, MemorySegment x, long at, MemorySegment t, long tAt, MemorySegment y);

  /** Rows: logits [rows, E], experts and weights [rows, k]. */
  void route(
      ExpertOp.Route op,
      MemorySegment logits,
      MemorySegment experts,
      MemorySegment weights,
      int begin,
      int end);

  /** Rows of y [rows, d]: x [rows, k, d], weights [rows, k]. */
  void expertSum(
      ExpertOp.ExpertSum op,
      MemorySegment x,
      MemorySegment weights,
      MemorySegment y,
      int begin,
      int end);

  /** Rows of y [logits, width]. */
  void gather(Batch batch, MemorySegment x, MemorySegment y, int width, int begin, int end);

  /** Rows of x; {@code ids} are int32. */
  void topK(
      Op.TopK op,
      MemorySegment x,
      MemorySegment values,
      MemorySegment ids,
      MemorySegment sums,
      int begin,
      int end);
}
