package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import org.jspecify.annotations.Nullable;

/**
 * Sizes and modes of a session.
 *
 * @param context positions of a sequence; 0 for the model's context length, at most {@value
 *     #DEFAULT_CONTEXT}
 * @param batch tokens of a step; longer prompts run in several steps
 * @param sequences sequences of a step
 * @param logits rows of a step that may ask for logits; at most {@code batch}
 * @param kvType element type of the key-value cache
 * @param fast whether matrix products of long steps may give up portable bits for speed, on
 *     processors that gain by it, within the bounds of docs/numerics.md
 * @param blocks of the key-value cache, shared by the sequences; 0 for as many as all of them can
 *     fill, and one for each checkpoint, which is also the maximum
 * @param slots where the model has states, for how many sequences and {@linkplain
 *     Sequence#checkpoint checkpoints} there is room; no fewer than {@code sequences}, which is
 *     what 0 stands for
 * @param adapters that the sequences of a session may use at once; 0 for none
 * @param adaptation the adapter of new sequences, or null; it counts as one of {@code adapters}
 */
public record SessionOptions(
    int context,
    int batch,
    int sequences,
    int logits,
    KvType kvType,
    boolean fast,
    int blocks,
    int slots,
    int adapters,
    @Nullable Adaptation adaptation) {
  /** Positions where neither caller nor model ask for fewer. */
  public static final int DEFAULT_CONTEXT = 4096;

  /** The type of the key-value cache where the caller names none. */
  public static final KvType DEFAULT_KV_TYPE = KvType.F32;

  /** One sequence, with logits of its last token. */
  public static final SessionOptions DEFAULT = new SessionOptions(0, 512, 1, 1);

  /** Room in a cache of the default type. */
  public SessionOptions(int context, int batch, int sequences, int logits) {
    this(context, batch, sequences, logits, DEFAULT_KV_TYPE);
  }

  /** The same bits everywhere. */
  public SessionOptions(int context, int batch, int sequences, int logits, KvType kvType) {
    this(context, batch, sequences, logits, kvType, false, 0, 0, 0, null);
  }

  /** Checks the limits. */
  public SessionOptions {
    require("context", context, 0);
    require("batch", batch, 1);
    require("sequences", sequences, 1);
    require("logits", logits, 1);
    require("blocks", blocks, 0);
    require("slots", slots, 0);
    require("adapters", adapters, adaptation == null ? 0 : 1);
    if (logits > batch) {
      throw new InvalidInputException(
          "logits", Integer.toString(logits), "must be at most the batch " + batch);
    }
  }

  private static void require(String field, int value, int min) {
    if (value < min) {
      throw new InvalidInputException(field, Integer.toString(value), "must be at least " + min);
    }
  }

  /** The same with another context. */
  public SessionOptions withContext(int positions) {
    return new SessionOptions(
        positions, batch, sequences, logits, kvType, fast, blocks, slots, adapters, adaptation);
  }

  /** The same with another batch. */
  public SessionOptions withBatch(int tokens) {
    return new SessionOptions(
        context, tokens, sequences, logits, kvType, fast, blocks, slots, adapters, adaptation);
  }

  /** The same with room for more sequences. */
  public SessionOptions withSequences(int count) {
    return new SessionOptions(
        context, batch, count, logits, kvType, fast, blocks, slots, adapters, adaptation);
  }

  /** The same with room for more rows of logits. */
  public SessionOptions withLogits(int rows) {
    return new SessionOptions(
        context, batch, sequences, rows, kvType, fast, blocks, slots, adapters, adaptation);
  }

  /** The same with another type of the key-value cache. */
  public SessionOptions withKvType(KvType type) {
    return new SessionOptions(
        context, batch, sequences, logits, type, fast, blocks, slots, adapters, adaptation);
  }

  /** The same with products that may leave the promise of equal bits, or may not. */
  public SessionOptions withFast(boolean allowed) {
    return new SessionOptions(
        context, batch, sequences, logits, kvType, allowed, blocks, slots, adapters, adaptation);
  }

  /** The same with another number of blocks of the key-value cache. */
  public SessionOptions withBlocks(int count) {
    return new SessionOptions(
        context, batch, sequences, logits, kvType, fast, count, slots, adapters, adaptation);
  }

  /** The same with another number of slots, where the model has states. */
  public SessionOptions withSlots(int count) {
    return new SessionOptions(
        context, batch, sequences, logits, kvType, fast, blocks, count, adapters, adaptation);
  }

  /** The same with room for so many adapters, which sequences may {@link Sequence#adapt take}. */
  public SessionOptions withAdapters(int count) {
    return new SessionOptions(
        context, batch, sequences, logits, kvType, fast, blocks, slots, count, adaptation);
  }

  /** The same with an adapter that new sequences have, or none, and room for it. */
  public SessionOptions withAdaptation(@Nullable Adaptation initial) {
    int count = initial == null ? adapters : Math.max(adapters, 1);
    return new SessionOptions(
        context, batch, sequences, logits, kvType, fast, blocks, slots, count, initial);
  }

  /** Blocks of the key-value cache. */
  int blocks(Limits limits, KvShape shape) {
    int whole = Math.multiplyExact(limits.blocksPerSequence(), limits.sequences());
    // Who goes on from a checkpoint copies the block that it ends in.
    int room = Math.addExact(whole, slots(shape) - sequences);
    return blocks == 0 ? room : Math.min(room, blocks);
  }

  /** Slots of the key-value cache, as many as sequences where the model has no states. */
  int slots(KvShape shape) {
    return shape.hasStates() ? Math.max(sequences, slots) : sequences;
  }

  /** Checks that the type of the key-value cache fits all layers. */
  void requireFits(KvShape shape) {
    for (KvShape.Layer layer : shape.layers()) {
      if (layer instanceof KvShape.KeyValue heads && !heads.fits(kvType)) {
        throw new InvalidInputException(
            "kv type",
            kvType.name(),
            "does not fit heads of "
                + heads.dH()
                + " and "
                + heads.dV()
                + " elements, no multiples of 32");
      }
    }
  }
}
