package dev.vidrio.kernel.op;

import dev.vidrio.kernel.op.SequenceOp.Part;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One access of an operation to an activation or to a layer of the cache. An operation declares its
 * accesses once, in {@link Op#accesses}; barriers, epilogues, replication, lifetimes of
 * activations, validation of plans and passes over plans all follow from the declaration.
 */
public sealed interface Access {
  /** The direction of an access. */
  enum Mode {
    READ,
    /** Writes, possibly after reading what earlier steps wrote. */
    WRITE,
    /** Neither: only the shape of the cache layer must match. */
    SHAPE
  }

  /**
   * How an access relates to the rows and columns of the operation's result. A wider scope than
   * necessary is always correct, but excludes the operation from fusion.
   */
  enum Scope {
    /**
     * Element (i, j) of the result depends on element (i, j) of the operand, or on its quantization
     * block. Executors may compute any tile of columns alone, so an operation declares this only if
     * it has a tile kernel.
     */
    ELEMENT,
    /**
     * Row i of the result depends on all of row i of the operand and on the token of the row, and
     * on no other row.
     */
    ROW,
    /** Rows of the result depend on other rows of the operand, or rows differ in number. */
    ALL
  }

  /**
   * The condition under which an access may use a replicated activation. In steps of a few tokens
   * each worker computes such an activation for itself, into its own memory, instead of waiting for
   * the others.
   */
  enum Replication {
    NEVER,
    /** A read that may be replicated only if the result of the operation is. */
    WITH_RESULT,
    ALWAYS
  }

  /** An access to an activation. */
  record OfOperand(Operand operand, Mode mode, Scope scope, Replication replication)
      implements Access {
    /** Returns this access with another replication. */
    public OfOperand replication(Replication other) {
      return new OfOperand(operand, mode, scope, other);
    }

    /** Returns this access, which may use replicated activations. */
    public OfOperand replicable() {
      return replication(Replication.ALWAYS);
    }
  }

  /** An access to a layer of the cache, through the part of it that the operation uses. */
  record OfCache(int layer, Mode mode, CachePart part) implements Access {
    /**
     * Returns a key of the memory that is accessed: accesses with different keys never conflict.
     * The convolutions of a layer with states have rows of their own; everything else of a layer
     * counts as one.
     */
    public Object memory() {
      return part instanceof KeptRows(Part kept, int _, int _) && kept != null
          ? List.of(layer, kept)
          : layer;
    }
  }

  /** A part of a cache layer, with the shape that an operation requires of it. */
  sealed interface CachePart {}

  /** Keys to be stored: [n, width]. */
  record StoredKeys(int width) implements CachePart {}

  /** Values to be stored: [n, width]. */
  record StoredValues(int width) implements CachePart {}

  /** Keys that {@code heads} query heads of {@code width} elements in total are scored against. */
  record AttendedKeys(int heads, int width) implements CachePart {}

  /** Values that are weighted into {@code heads} heads of {@code width} elements in total. */
  record AttendedValues(int heads, int width) implements CachePart {}

  /**
   * The rows of earlier tokens that a short convolution reads back.
   *
   * @param part the input of a recurrence that they are, or null in a convolution layer
   * @param width elements of a row
   * @param length rows that the kernel covers, including the token's own
   */
  record KeptRows(@Nullable Part part, int width, int length) implements CachePart {}

  /**
   * The states of linear attention.
   *
   * @param queryWidth elements of a token's queries
   * @param valueWidth elements of a token's values
   * @param heads H
   */
  record States(int queryWidth, int valueWidth, int heads) implements CachePart {}

  /**
   * The states of a recurrence of independent elements.
   *
   * @param width elements of a state
   */
  record StateRows(int width) implements CachePart {}

  /** Returns a read of an operand. */
  static OfOperand read(Operand operand, Scope scope) {
    return new OfOperand(operand, Mode.READ, scope, Replication.NEVER);
  }

  /** Returns a write of an operand. */
  static OfOperand write(Operand operand, Scope scope) {
    return new OfOperand(operand, Mode.WRITE, scope, Replication.NEVER);
  }

  /** Returns a read of a part of a cache layer. */
  static OfCache read(int layer, CachePart part) {
    return new OfCache(layer, Mode.READ, part);
  }

  /** Returns a write of a part of a cache layer. */
  static OfCache write(int layer, CachePart part) {
    return new OfCache(layer, Mode.WRITE, part);
  }

  /** Returns the requirement that a part of a cache layer has a shape. */
  static OfCache shape(int layer, CachePart part) {
    return new OfCache(layer, Mode.SHAPE, part);
  }
}
