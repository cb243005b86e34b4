package dev.vidrio.model.session;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.architecture.Architecture;
import org.jspecify.annotations.Nullable;

/**
 * Sizes and modes of a session.
 *
 * @param context positions of a sequence; 0 for the model's context length, at most {@value
 *     #DEFAULT_CONTEXT}
 * @param batch maximum tokens of a step; longer prompts run in several steps
 * @param sequences maximum sequences of a step
 * @param logits maximum rows of a step that ask for logits, at most {@code batch}
 * @param kvType element type of the key-value cache
 * @param arithmetic arithmetic of the matrix products
 * @param blocks number of blocks of the key-value cache, shared by the sequences; 0 for the
 *     maximum: enough to fill all sequences, and one for each checkpoint
 * @param slots for models with recurrent states, the number of states that the cache holds, for
 *     sequences and {@linkplain Sequence#checkpoint checkpoints}; at least {@code sequences}, which
 *     0 selects
 * @param adapters maximum number of different adapters that the sequences use at once; 0 for none
 * @param adaptation the adapter of new sequences, or null; it counts as one of {@code adapters}
 */
public record SessionOptions(
    int context,
    int batch,
    int sequences,
    int logits,
    KvType kvType,
    Arithmetic arithmetic,
    int blocks,
    int slots,
    int adapters,
    @Nullable Adaptation adaptation) {
  /** The default limit of the context length, in positions. */
  public static final int DEFAULT_CONTEXT = 4096;

  /** The default element type of the key-value cache. */
  public static final KvType DEFAULT_KV_TYPE = KvType.F16;

  /** One sequence, steps of 512 tokens, and logits after the last token. */
  public static final SessionOptions DEFAULT = new SessionOptions(0, 512, 1, 1);

  /** As {@link #DEFAULT}, with an F32 cache, which does not round keys and values. */
  public static final SessionOptions EXACT = exact(0, 512, 1, 1);

  /** Returns options with an F32 cache and products in int8, without adapters. */
  public static SessionOptions exact(int context, int batch, int sequences, int logits) {
    return new SessionOptions(context, batch, sequences, logits).withKvType(KvType.F32);
  }

  /** Creates options with an F16 cache and products in int8, without adapters. */
  public SessionOptions(int context, int batch, int sequences, int logits) {
    this(context, batch, sequences, logits, DEFAULT_KV_TYPE, Arithmetic.INT8, 0, 0, 0, null);
  }

  /** Rejects values that are out of range. */
  public SessionOptions {
    require("context", context, 0);
    require("batch", batch, 1);
    require("sequences", sequences, 1);
    require("logits", logits, 1);
    require("blocks", blocks, 0);
    require("slots", slots, 0);
    require("adapters", adapters, adaptation == null ? 0 : 1);
    if (logits > batch) {
      throw new InvalidInputException("logits", logits, "must be at most the batch " + batch);
    }
  }

  private static void require(String field, int value, int min) {
    if (value < min) {
      throw new InvalidInputException(field, value, "must be at least " + min);
    }
  }

  /** Returns a copy with another context length; 0 for the model's. */
  public SessionOptions withContext(int positions) {
    return new SessionOptions(
        positions,
        batch,
        sequences,
        logits,
        kvType,
        arithmetic,
        blocks,
        slots,
        adapters,
        adaptation);
  }

  /** Returns a copy with another maximum number of tokens per step. */
  public SessionOptions withBatch(int tokens) {
    return new SessionOptions(
        context,
        tokens,
        sequences,
        logits,
        kvType,
        arithmetic,
        blocks,
        slots,
        adapters,
        adaptation);
  }

  /** Returns a copy with another maximum number of sequences. */
  public SessionOptions withSequences(int count) {
    return new SessionOptions(
        context, batch, count, logits, kvType, arithmetic, blocks, slots, adapters, adaptation);
  }

  /** Returns a copy with another maximum number of rows of logits. */
  public SessionOptions withLogits(int rows) {
    return new SessionOptions(
        context, batch, sequences, rows, kvType, arithmetic, blocks, slots, adapters, adaptation);
  }

  /** Returns a copy with another element type of the key-value cache. */
  public SessionOptions withKvType(KvType type) {
    return new SessionOptions(
        context, batch, sequences, logits, type, arithmetic, blocks, slots, adapters, adaptation);
  }

  /** Returns a copy with another arithmetic of the matrix products. */
  public SessionOptions withArithmetic(Arithmetic value) {
    return new SessionOptions(
        context, batch, sequences, logits, kvType, value, blocks, slots, adapters, adaptation);
  }

  /** Returns a copy with another number of blocks of the key-value cache. */
  public SessionOptions withBlocks(int count) {
    return new SessionOptions(
        context, batch, sequences, logits, kvType, arithmetic, count, slots, adapters, adaptation);
  }

  /** Returns a copy with another number of slots for recurrent states. */
  public SessionOptions withSlots(int count) {
    return new SessionOptions(
        context, batch, sequences, logits, kvType, arithmetic, blocks, count, adapters, adaptation);
  }

  /**
   * Returns a copy with another number of adapters that sequences may {@link Sequence#adapt use}.
   */
  public SessionOptions withAdapters(int count) {
    return new SessionOptions(
        context, batch, sequences, logits, kvType, arithmetic, blocks, slots, count, adaptation);
  }

  /** Returns a copy with another adapter of new sequences, or none, and a slot for it. */
  public SessionOptions withAdaptation(@Nullable Adaptation initial) {
    int count = initial == null ? adapters : Math.max(adapters, 1);
    return new SessionOptions(
        context, batch, sequences, logits, kvType, arithmetic, blocks, slots, count, initial);
  }

  /**
   * Returns the context length for a model.
   *
   * @throws InvalidInputException if {@link #context} exceeds the model's context length
   */
  public int positions(Architecture architecture) {
    int declared = architecture.contextLength();
    if (context > declared) {
      throw new InvalidInputException(
          "context", context, "the model was made for " + declared + " tokens");
    }
    return context == 0 ? Math.min(declared, DEFAULT_CONTEXT) : context;
  }

  /** Returns the number of blocks of the key-value cache. */
  int blocks(Limits limits, KvShape shape) {
    int whole = Math.multiplyExact(limits.blocksPerSequence(), limits.sequences());
    // A sequence that resumes from a checkpoint copies the block in which it ends.
    int room = Math.addExact(whole, slots(shape) - sequences);
    return blocks == 0 ? room : Math.min(room, blocks);
  }

  /** Returns the number of slots of the key-value cache: that of the sequences if stateless. */
  int slots(KvShape shape) {
    return shape.hasStates() ? Math.max(sequences, slots) : sequences;
  }

  /** Rejects an element type of the key-value cache that does not fit all layers. */
  void requireFits(KvShape shape) {
    for (KvShape.Layer layer : shape.layers()) {
      if (layer instanceof KvShape.KeyValue heads && !heads.fits(kvType)) {
        throw new InvalidInputException(
            "kv type",
            kvType,
            "does not fit heads of %s and %s elements, which are not multiples of 32"
                .formatted(heads.dH(), heads.dV()));
      }
    }
  }
}
