package dev.vidrio.kernel;

import dev.vidrio.kernel.op.SequenceOp.Part;
import java.util.Collections;
import java.util.List;

/**
 * The shape of a model's key-value cache.
 *
 * @param layers shapes of the layers that have keys and values of their own, a convolution, or a
 *     state
 */
public record KvShape(List<Layer> layers) {
  /** Most elements of a head; {@code VD_HEAD_MAX}. */
  public static final int HEAD_MAX = 1024;

  /** A layer of the cache. */
  public sealed interface Layer {
    /** Whether an element type fits its keys and values. */
    boolean fits(KvType type);

    /** Bytes of one position. */
    long bytesPerPosition(KvType type);

    /** Bytes of a sequence, however long; a multiple of 64. */
    default long bytesPerSequence() {
      return 0;
    }
  }

  /**
   * The keys and values of attention.
   *
   * @param heads H_kv, key-value heads
   * @param dH d_h, elements of a head's key
   * @param dV d_v, elements of a head's value
   */
  public record KeyValue(int heads, int dH, int dV) implements Layer {
    public KeyValue {
      if (heads <= 0 || dH <= 0 || dV <= 0) {
        throw new IllegalArgumentException(
            "cache of " + heads + " heads of " + dH + " and " + dV + " is empty");
      }
      if (dH > HEAD_MAX || dV > HEAD_MAX) {
        throw new IllegalArgumentException(
            "heads of " + Math.max(dH, dV) + " elements, of which there may be " + HEAD_MAX);
      }
    }

    /** Heads whose keys and values are as long. */
    public KeyValue(int heads, int dH) {
      this(heads, dH, dH);
    }

    /** Elements of the keys of one position. */
    public int width() {
      return heads * dH;
    }

    /** Elements of the values of one position. */
    public int valueWidth() {
      return heads * dV;
    }

    @Override
    public boolean fits(KvType type) {
      return type.fits(dH) && type.fits(dV);
    }

    @Override
    public long bytesPerPosition(KvType type) {
      return heads * ((long) type.bytes(dH) + type.bytes(dV));
    }
  }

  /**
   * What a convolution reads: rows of f32, whatever the type of keys and values.
   *
   * @param width elements of a position's row
   */
  public record Conv(int width) implements Layer {
    public Conv {
      if (width <= 0) {
        throw new IllegalArgumentException("cache of rows of " + width + " elements is empty");
      }
    }

    @Override
    public boolean fits(KvType type) {
      return true;
    }

    @Override
    public long bytesPerPosition(KvType type) {
      return (long) width * Float.BYTES;
    }
  }

  /**
   * The states of linear attention, and what the short convolutions read that make its queries,
   * keys and values: f32, in a sequence's slot. {@code vd_recurrence} says how they lie.
   *
   * @param keyHeads H_k, heads of queries and keys
   * @param heads H, heads of values
   * @param dK d_k, elements of a head's key
   * @param dV d_v, elements of a head's value
   * @param taps rows that a convolution reads
   */
  public record Recurrent(int keyHeads, int heads, int dK, int dV, int taps) implements Layer {
    /** Positions between which a state is brought up to date; {@code VD_SPAN}. */
    public static final int SPAN = 16;

    public Recurrent {
      if (keyHeads <= 0 || heads <= 0 || heads % keyHeads != 0 || dK <= 0 || dV <= 0 || taps <= 0) {
        throw new IllegalArgumentException(
            "states of %d of %d heads of %d and %d, convolutions over %d"
                .formatted(keyHeads, heads, dK, dV, taps));
      }
      if (dK > HEAD_MAX || dV > HEAD_MAX) {
        throw new IllegalArgumentException(
            "heads of " + Math.max(dK, dV) + " elements, of which there may be " + HEAD_MAX);
      }
    }

    /** Elements of a token's queries, keys or values. */
    public int width(Part part) {
      return part == Part.VALUE ? heads * dV : keyHeads * dK;
    }

    /** Floats that a head's state takes. */
    public long headFloats() {
      return (long) dK * dV + (long) SPAN * (dK + dV + 2);
    }

    /** Rows that are kept for a convolution, so that each position of a span can be the next. */
    public int ring() {
      return SPAN + taps - 1;
    }

    /** Where the rows of a part begin in the slot's part of the layer, in bytes. */
    public long rows(Part part) {
      long keyRows = aligned((long) ring() * width(Part.KEY));
      long begin = aligned(heads * headFloats());
      return switch (part) {
        case QUERY -> begin;
        case KEY -> begin + keyRows;
        case VALUE -> begin + 2 * keyRows;
      };
    }

    private static long aligned(long floats) {
      return Math.ceilDiv(floats * Float.BYTES, 64L) * 64;
    }

    @Override
    public boolean fits(KvType type) {
      return true;
    }

    @Override
    public long bytesPerPosition(KvType type) {
      return 0;
    }

    @Override
    public long bytesPerSequence() {
      return rows(Part.VALUE) + aligned((long) ring() * width(Part.VALUE));
    }
  }

  public KvShape {
    layers = List.copyOf(layers);
    if (layers.isEmpty()) {
      throw new IllegalArgumentException("cache of 0 layers is empty");
    }
  }

  /** A cache of layers that are all alike. */
  public KvShape(int layers, int heads, int dH) {
    this(layers, new KeyValue(heads, dH));
  }

  /** A cache of layers that are all alike. */
  public KvShape(int layers, Layer layer) {
    this(Collections.nCopies(layers, layer));
  }

  /** Whether there is such a layer, and it has keys and values. */
  public boolean hasKeys(int index) {
    return index < layers.size() && layers.get(index) instanceof KeyValue;
  }

  /**
   * The keys and values of a layer.
   *
   * @throws IllegalArgumentException when it has none
   */
  public KeyValue keyValue(int index) {
    if (layers.get(index) instanceof KeyValue keyValue) {
      return keyValue;
    }
    throw new IllegalArgumentException("layer " + index + " of the cache has no keys and values");
  }

  /**
   * The states of a layer.
   *
   * @throws IllegalArgumentException when it has none
   */
  public Recurrent recurrent(int index) {
    if (layers.get(index) instanceof Recurrent recurrent) {
      return recurrent;
    }
    throw new IllegalArgumentException("layer " + index + " of the cache has no states");
  }

  /** Whether an element type fits the heads of all layers. */
  public boolean fits(KvType type) {
    return layers.stream().allMatch(layer -> layer.fits(type));
  }

  /** Whether a layer has a state, so that sequences have slots. */
  public boolean hasStates() {
    return bytesPerSequence() > 0;
  }

  /** Bytes of a sequence's slot. */
  public long bytesPerSequence() {
    return layers.stream().mapToLong(Layer::bytesPerSequence).sum();
  }

  /** Bytes of one position in all layers. */
  public long bytesPerPosition(KvType type) {
    return layers.stream().mapToLong(layer -> layer.bytesPerPosition(type)).sum();
  }
}
