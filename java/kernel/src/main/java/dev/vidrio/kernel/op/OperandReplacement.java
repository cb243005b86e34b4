package dev.vidrio.kernel.op;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Rebuilds operations over other operands, by the components of their records. */
final class OperandReplacement {
  private OperandReplacement() {}

  /** Returns the record with its operands, and those of records that it contains, replaced. */
  @SuppressWarnings("unchecked") // a constructor of the record's own class
  static <T> T replace(T record, UnaryOperator<Operand> to) {
    RecordComponent[] components = record.getClass().getRecordComponents();
    var types = new Class<?>[components.length];
    var values = new @Nullable Object[components.length];
    try {
      for (int i = 0; i < components.length; i++) {
        types[i] = components[i].getType();
        values[i] = component(components[i].getAccessor().invoke(record), to);
      }
      return (T) record.getClass().getDeclaredConstructor(types).newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException invalid) {
        throw invalid;
      }
      throw new AssertionError(e);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("records have accessors and a canonical constructor", e);
    }
  }

  private static @Nullable Object component(@Nullable Object value, UnaryOperator<Operand> to) {
    return switch (value) {
      case Operand operand -> to.apply(operand);
      case Op forward -> replace(forward, to);
      case SequenceOp.Recurrence.Inputs<?> inputs -> replace(inputs, to);
      case null, default -> value;
    };
  }
}
