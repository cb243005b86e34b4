package dev.vidrio.lens.plan;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The operations of a plan, by the activations that they write. */
final class Writers {
  private final Map<String, Op> writers = new HashMap<>();

  /** Takes the next operation of the plan. */
  void add(Op op) {
    op.writes().forEach(operand -> writers.put(operand.name(), op));
  }

  /** What writes the activation of a name; null where nothing does. */
  @Nullable Op get(String name) {
    return writers.get(name);
  }

  /** Whether something writes an activation of this name. */
  boolean has(String name) {
    return writers.containsKey(name);
  }

  /** The activation of this name. */
  Optional<Buffer> written(String name) {
    @Nullable Op op = get(name);
    return op == null
        ? Optional.empty()
        : op.writes().stream()
            .filter(y -> y.name().equals(name))
            .map(Buffer.class::cast)
            .findFirst();
  }

  /**
   * The operations that make some activations of another, in order.
   *
   * @throws InvalidInputException when they read more than that one
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
    Op writer = get(y.name());
    if (writer == null || writer instanceof Op.Embed) {
      throw new InvalidInputException("hook", y.name(), "is not made of " + x.name() + " alone");
    }
    writer.reads().forEach(operand -> trace(x, operand, path));
    path.add(writer);
  }
}
