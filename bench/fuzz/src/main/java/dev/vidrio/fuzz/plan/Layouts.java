package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.DeferredPacking;
import dev.vidrio.kernel.weight.Weights;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Rebuilds plans over weights in other layouts, wherever operations accept them. */
enum Layouts {
  /** As they were drawn. */
  DRAWN,
  /** Packed, as all executors accept them. */
  PACKED,
  /** As in files. */
  ROWS,
  /** Packed after the first step. */
  DEFERRED;

  private Weights converted(Weights w) {
    return switch (this) {
      case DRAWN -> w;
      case PACKED -> Matrices.in(Weights.Layout.PACKED, w);
      case ROWS -> Matrices.in(Weights.Layout.ROWS, w);
      case DEFERRED -> deferred(w);
    };
  }

  private static Weights deferred(Weights w) {
    Weights packed = Matrices.in(Weights.Layout.PACKED, w);
    Weights rows = Matrices.in(Weights.Layout.ROWS, w);
    var packing = new DeferredPacking(rows.data(), packed.data(), () -> {});
    return new Weights(
        w.name(), w.type(), Weights.Layout.PACKED, w.n(), w.k(), packed.data(), packing);
  }

  /** Returns the plan over weights in this layout. */
  Plan of(Plan plan) {
    if (this == DRAWN) {
      return plan;
    }
    return plan.withOps(plan.ops().stream().map(this::of).toList());
  }

  /** Returns the names of the quantized types of an operation's weights. */
  static Set<String> types(Op op) {
    Set<String> found = new HashSet<>();
    rebuilt(
        op,
        w -> {
          found.add(w.type().name());
          return w;
        });
    return found;
  }

  private Op of(Op op) {
    try {
      return (Op) rebuilt(op, this::converted);
    } catch (IllegalArgumentException e) {
      return op; // does not accept this layout
    }
  }

  private static Object rebuilt(Object record, UnaryOperator<Weights> to) {
    return Records.create(
        record.getClass(),
        Stream.of(Records.components(record.getClass()))
            .map(each -> component(Records.value(each, record), to))
            .toArray());
  }

  private static @Nullable Object component(@Nullable Object value, UnaryOperator<Weights> to) {
    return switch (value) {
      case Weights w when w.type().quantized() -> to.apply(w);
      case List<?> list when !list.isEmpty() && list.getFirst() instanceof Weights ->
          list.stream().map(each -> component(each, to)).toList();
      case Op forward -> rebuilt(forward, to);
      case null, default -> value;
    };
  }
}
