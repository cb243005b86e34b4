package dev.vidrio.lens.resolve;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The operations of a plan, by the activations that they write. */
public final class ProducerIndex {
  private final Map<Operand, Op> writers = new HashMap<>();

  /** Adds the next operation of the plan. */
  public void add(Op op) {
    op.writes().forEach(operand -> writers.put(operand, op));
  }

  /** Returns the operation that writes an activation, or null. */
  public @Nullable Op get(Operand operand) {
    return writers.get(operand);
  }

  /** Returns the operation that writes an activation of the plan. */
  public Op of(Operand operand) {
    return Objects.requireNonNull(writers.get(operand), operand::name);
  }

  /**
   * Returns the operations that compute some activations from another, in order.
   *
   * @throws InvalidInputException if they read other activations
   */
  List<Op> between(Buffer x, Buffer... ys) {
    Set<Op> path = new LinkedHashSet<>();
    for (Buffer y : ys) {
      trace(x, y, path);
    }
    return List.copyOf(path);
  }

  private void trace(Buffer x, Operand y, Set<Op> path) {
    if (y.equals(x)) {
      return;
    }
    Op writer = get(y);
    if (writer == null || writer instanceof Op.Embed) {
      throw new InvalidInputException(
          "hook", y.name(), "does not depend on " + x.name() + " alone");
    }
    writer.reads().forEach(operand -> trace(x, operand, path));
    path.add(writer);
  }
}
