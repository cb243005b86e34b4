package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.vidrio.bindings.vd_kv_cache;
import dev.vidrio.bindings.vd_quantized;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.execution.Workspace;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.DeferredPacking;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The native memory of a plan's operands: activations in the workspace, weights, and layers of the
 * cache. Memory that the plan does not own is noted, so that a step can check that it is alive.
 *
 * @param tables holds the tables that operations point to, as long as the plan runs
 * @param outside receives the memory that operations hold addresses of, but the plan does not own
 */
record NativeOperands(Workspace workspace, KvCache cache, Arena tables, OutsideMemory outside) {
  MemorySegment address(Buffer buffer) {
    return workspace.segment(buffer);
  }

  /** Returns the memory of weights, or {@code NULL} for null. */
  MemorySegment address(@Nullable Weights weights) {
    return weights == null
        ? MemorySegment.NULL
        : outside.note("memory of " + weights.name(), weights.data());
  }

  /** Returns the rows of weights that are not packed yet. */
  MemorySegment rows(Weights weights, DeferredPacking packing) {
    return outside.note("memory of " + weights.name(), packing.rows());
  }

  /** Returns the address of each expert's matrix. */
  MemorySegment matrices(ExpertOp.ExpertMatMul op) {
    MemorySegment matrices = tables.allocate(ADDRESS, op.matrices().size());
    for (int i = 0; i < op.matrices().size(); i++) {
      matrices.setAtIndex(ADDRESS, i, address(op.matrices().get(i)));
    }
    return matrices;
  }

  /** Fills in a vd_quantized. */
  void quantized(QuantizedBuffer buffer, MemorySegment s) {
    Workspace.Quantized memory = workspace.segments(buffer);
    vd_quantized.q(s, memory.q());
    vd_quantized.scale(s, memory.scale());
    vd_quantized.sum(s, memory.sum());
    vd_quantized.scaled_sum(s, memory.scaledSum());
  }

  /** Fills in a vd_kv_cache. */
  void cache(int layer, MemorySegment s) {
    vd_kv_cache.keys(s, outside.note("key-value cache", cache.keys(layer)));
    vd_kv_cache.values(s, cache.values(layer));
    vd_kv_cache.type(s, cache.type().id());
    vd_kv_cache.H_kv(s, cache.shape().keyValue(layer).heads());
    vd_kv_cache.d_h(s, cache.shape().keyValue(layer).dH());
    vd_kv_cache.d_v(s, cache.shape().keyValue(layer).dV());
    vd_kv_cache.stride(s, cache.stride(layer));
    vd_kv_cache.group_heads(s, cache.groupHeads(layer));
    vd_kv_cache.group_stride(s, cache.groupStride(layer));
  }

  /**
   * The rows, or states, that a layer of the cache keeps.
   *
   * @param stride bytes from a block, or a slot, to the next
   * @param ring rows of the ring buffer in a slot, or 0 if rows are stored in blocks
   */
  record KeptRows(MemorySegment rows, long stride, int ring) {}

  /** Returns the rows of a part in slots, or those of a layer that has one for each position. */
  KeptRows rows(int layer, SequenceOp.@Nullable Part part) {
    return part == null
        ? new KeptRows(outside.note("key-value cache", cache.rows(layer)), cache.stride(layer), 0)
        : new KeptRows(
            outside.note("key-value cache", cache.rows(layer, part)),
            cache.slotStride(),
            cache.shape().slotted(layer).ring());
  }

  /** Returns the states of a layer. */
  KeptRows states(int layer) {
    return new KeptRows(
        outside.note("key-value cache", cache.states(layer)),
        cache.slotStride(),
        cache.shape().slotted(layer).ring());
  }

  /** Returns the shape of the states of linear attention of a layer. */
  KvShape.Recurrent recurrent(int layer) {
    return cache.shape().recurrent(layer);
  }
}
