package dev.vidrio.kernel;

import static dev.vidrio.kernel.argument.Arguments.require;

import dev.vidrio.kernel.op.Access;
import dev.vidrio.kernel.op.SequenceOp.Part;
import java.math.BigInteger;
import java.util.Collections;
import java.util.List;

/**
 * The shape of a model's key-value cache.
 *
 * @param layers the shapes of the layers that have their own keys and values, rows or states,
 *     numbered from 0; a model's blocks may share a layer
 */
public record KvShape(List<Layer> layers) {
  /** The maximum number of elements of a head; {@code VD_HEAD_MAX}. */
  public static final int HEAD_MAX = 1024;

  /** A layer of the cache. */
  public sealed interface Layer {
    /** Returns whether its keys and values, if any, can be stored in an element type. */
    default boolean fits(KvType type) {
      return true;
    }

    /** Returns the bytes of one position. */
    default long bytesPerPosition(KvType type) {
      return 0;
    }

    /** Returns the bytes of a sequence that do not depend on its length; a multiple of 64. */
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
   * @param shared true if a value is the first d_v elements of its key, and not stored
   */
  public record KeyValue(int heads, int dH, int dV, boolean shared) implements Layer {
    public KeyValue {
      require(
          heads > 0 && dH > 0 && dV > 0,
          "cache of %d heads of %d and %d elements: must be positive".formatted(heads, dH, dV));
      require(
          dH <= HEAD_MAX && dV <= HEAD_MAX,
          "heads of " + Math.max(dH, dV) + " elements; the maximum is " + HEAD_MAX);
      require(
          !shared || dV <= dH,
          "values of %d elements of keys: keys have only %d".formatted(dV, dH));
    }

    /** Creates a layer that stores keys and values. */
    public KeyValue(int heads, int dH, int dV) {
      this(heads, dH, dV, false);
    }

    /** Creates a layer with values of the width of its keys. */
    public KeyValue(int heads, int dH) {
      this(heads, dH, dH);
    }

    /**
     * Returns the number of groups of heads, each held by an equal number of NUMA nodes: the
     * greatest common divisor of the numbers of heads and nodes.
     */
    public int groups(int nodes) {
      return BigInteger.valueOf(heads).gcd(BigInteger.valueOf(nodes)).intValueExact();
    }

    /** Returns the elements of the keys of one position. */
    public int width() {
      return heads * dH;
    }

    /** Returns the elements of the values of one position. */
    public int valueWidth() {
      return heads * dV;
    }

    @Override
    public boolean fits(KvType type) {
      return type.fits(dH) && type.fits(dV);
    }

    @Override
    public long bytesPerPosition(KvType type) {
      return heads * ((long) type.keyBytes(dH) + (shared ? 0 : type.bytes(dV)));
    }
  }

  /**
   * A row for each position, such as the hidden state that a draft block reads: f32 for every type
   * of keys and values.
   *
   * @param width elements of a position's row
   */
  public record Rows(int width) implements Layer {
    public Rows {
      require(width > 0, "cache of rows of " + width + " elements: must be positive");
    }

    @Override
    public long bytesPerPosition(KvType type) {
      return (long) width * Float.BYTES;
    }
  }

  /**
   * The states of a recurrence, and the rows that short convolutions read: f32, in a sequence's
   * slot. Rows are in ring buffers, of a span and the rows before it, so that a sequence can resume
   * from every position of its last span.
   */
  public sealed interface Slotted extends Layer {
    /** The number of positions of a span. */
    int SPAN = 16;

    /** Returns the rows of a ring buffer: that of position p is at p % ring. */
    int ring();

    /** Returns the rows that a convolution covers. */
    int taps();

    /** Returns the elements of a token's row of an input, or 0 if there is no such input. */
    int width(Part part);

    /** Returns the offset of the rows of an input in the layer's part of a slot, in bytes. */
    long rows(Part part);

    @Override
    default boolean fits(KvType type) {
      return true;
    }

    @Override
    default long bytesPerPosition(KvType type) {
      return 0;
    }
  }

  private static long aligned(long floats) {
    return Math.ceilDiv(floats * Float.BYTES, 64L) * 64;
  }

  /**
   * The rows that a short convolution reads.
   *
   * @param width elements of a row
   * @param taps rows that the convolution covers
   */
  public record Ring(int width, int taps) implements Slotted {
    public Ring {
      require(
          width > 0 && taps > 0,
          "rows of %d elements, convolutions over %d: must be positive".formatted(width, taps));
    }

    @Override
    public int ring() {
      return SPAN + taps - 1;
    }

    @Override
    public int width(Part part) {
      return part == Part.VALUE ? width : 0;
    }

    @Override
    public long rows(Part part) {
      return 0;
    }

    @Override
    public long bytesPerSequence() {
      return aligned((long) ring() * width);
    }
  }

  /**
   * The states of a recurrence of independent elements, and the rows that the convolution of its
   * values reads. States are rows in a ring buffer at the start of the layer's part of a slot.
   *
   * @param width elements of a state
   * @param taps rows that the convolution covers
   */
  public record Diagonal(int width, int taps) implements Slotted {
    public Diagonal {
      if (width <= 0 || taps <= 0) {
        throw new IllegalArgumentException(
            "states of " + width + " elements, convolutions over " + taps + ": must be positive");
      }
    }

    @Override
    public int ring() {
      return SPAN + Math.max(taps, 2) - 1;
    }

    @Override
    public int width(Part part) {
      return part == Part.VALUE ? width : 0;
    }

    @Override
    public long rows(Part part) {
      return aligned((long) ring() * width);
    }

    @Override
    public long bytesPerSequence() {
      return 2 * rows(Part.VALUE);
    }
  }

  /**
   * The states of linear attention, and the rows that the short convolutions of its queries, keys
   * and values read. {@code vd_recurrence} documents the layout.
   *
   * @param keyHeads H_k, heads of queries and keys
   * @param heads H, heads of values
   * @param dK d_k, elements of a head's key
   * @param dV d_v, elements of a head's value
   * @param taps rows that a convolution covers
   */
  public record Recurrent(int keyHeads, int heads, int dK, int dV, int taps) implements Slotted {
    public Recurrent {
      if (keyHeads <= 0 || heads <= 0 || heads % keyHeads != 0 || dK <= 0 || dV <= 0 || taps <= 0) {
        throw new IllegalArgumentException(
            "states of %d of %d heads of %d and %d, convolutions over %d"
                .formatted(keyHeads, heads, dK, dV, taps));
      }
      if (dK > HEAD_MAX || dV > HEAD_MAX) {
        throw new IllegalArgumentException(
            "heads of " + Math.max(dK, dV) + " elements; the maximum is " + HEAD_MAX);
      }
    }

    @Override
    public int width(Part part) {
      return part == Part.VALUE ? heads * dV : keyHeads * dK;
    }

    /** Returns the floats of a head's state and of the span since its last update. */
    public long headFloats() {
      return (long) dK * dV + (long) SPAN * (dK + dV + 2);
    }

    /** Returns the bytes of the states of all heads, which are at the start of the layer's part. */
    public long stateBytes() {
      return heads * headFloats() * Float.BYTES;
    }

    @Override
    public int ring() {
      return SPAN + taps - 1;
    }

    @Override
    public long rows(Part part) {
      long keyRows = aligned((long) ring() * width(Part.KEY));
      long begin = aligned(heads * headFloats());
      return switch (part) {
        case QUERY -> begin;
        case KEY -> begin + keyRows;
        case VALUE -> begin + 2 * keyRows;
      };
    }

    @Override
    public long bytesPerSequence() {
      return rows(Part.VALUE) + aligned((long) ring() * width(Part.VALUE));
    }
  }

  public KvShape {
    layers = List.copyOf(layers);
    require(!layers.isEmpty(), "cache of 0 layers: must be positive");
  }

  /** Creates a cache of equal layers with keys and values. */
  public KvShape(int layers, int heads, int dH) {
    this(layers, new KeyValue(heads, dH));
  }

  /** Creates a cache of equal layers. */
  public KvShape(int layers, Layer layer) {
    this(Collections.nCopies(layers, layer));
  }

  /** Returns whether there is such a layer and it has keys and values. */
  public boolean hasKeys(int index) {
    return index < layers.size() && layers.get(index) instanceof KeyValue;
  }

  /**
   * Returns the keys and values of a layer.
   *
   * @throws IllegalArgumentException if it has none
   */
  public KeyValue keyValue(int index) {
    if (layers.get(index) instanceof KeyValue keyValue) {
      return keyValue;
    }
    throw new IllegalArgumentException("layer " + index + " of the cache has no keys and values");
  }

  /**
   * Returns a layer with rows in slots.
   *
   * @throws IllegalArgumentException if its rows are in blocks
   */
  public Slotted slotted(int index) {
    if (layers.get(index) instanceof Slotted slotted) {
      return slotted;
    }
    throw new IllegalArgumentException("layer " + index + " of the cache has no rows in slots");
  }

  /**
   * Returns the states of linear attention of a layer.
   *
   * @throws IllegalArgumentException if it has none
   */
  public Recurrent recurrent(int index) {
    if (layers.get(index) instanceof Recurrent recurrent) {
      return recurrent;
    }
    throw new IllegalArgumentException("layer " + index + " of the cache has no states");
  }

  /** Returns whether an operation's access to a layer matches the shape of the layer. */
  public boolean supports(Access.OfCache access) {
    int layer = access.layer();
    return switch (access.part()) {
      case Access.StoredKeys(int width) -> hasKeys(layer) && width == keyValue(layer).width();
      case Access.StoredValues(int width) ->
          hasKeys(layer) && width == keyValue(layer).valueWidth();
      case Access.AttendedKeys(int heads, int width) ->
          hasGroups(layer, heads) && width == heads * keyValue(layer).dH();
      case Access.AttendedValues(int heads, int width) ->
          hasGroups(layer, heads) && width == heads * keyValue(layer).dV();
      case Access.KeptRows rows -> supports(layer, rows);
      case Access.States(int queryWidth, int valueWidth, int heads) ->
          layer < layers.size()
              && layers.get(layer) instanceof Recurrent states
              && queryWidth == states.width(Part.QUERY)
              && valueWidth == states.width(Part.VALUE)
              && heads == states.heads();
      case Access.StateRows(int width) ->
          layer < layers.size()
              && layers.get(layer) instanceof Diagonal states
              && width == states.width();
    };
  }

  /** Returns whether query heads can be divided among the key-value heads of a layer. */
  private boolean hasGroups(int layer, int heads) {
    return hasKeys(layer) && heads % keyValue(layer).heads() == 0;
  }

  private boolean supports(int layer, Access.KeptRows rows) {
    Part part = rows.part();
    return layer < layers.size()
        && switch (layers.get(layer)) {
          case Rows(int width) -> part == null && width == rows.width();
          case Slotted states ->
              part != null && states.width(part) == rows.width() && states.taps() == rows.length();
          case KeyValue ignored -> false;
        };
  }

  /** Returns whether the heads of all layers can be stored in an element type. */
  public boolean fits(KvType type) {
    return layers.stream().allMatch(layer -> layer.fits(type));
  }

  /** Returns whether a layer has states, so that sequences need slots. */
  public boolean hasStates() {
    return bytesPerSequence() > 0;
  }

  /** Returns the bytes of a sequence's slot. */
  public long bytesPerSequence() {
    return layers.stream().mapToLong(Layer::bytesPerSequence).sum();
  }

  /** Returns the bytes of one position in all layers. */
  public long bytesPerPosition(KvType type) {
    return layers.stream().mapToLong(layer -> layer.bytesPerPosition(type)).sum();
  }
}
