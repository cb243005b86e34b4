package dev.vidrio.kernel.op;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Rebuilds operations over other operands, by the components of their records. */
final class OperandReplacement {
  /** The accessors and the canonical constructor of a record, cached as their lookup is slow. */
  private record Shape(List<Method> accessors, Constructor<?> constructor) {}

  private static final ClassValue<Shape> SHAPES =
      new ClassValue<>() {
        @Override
        protected Shape computeValue(Class<?> type) {
          RecordComponent[] components = type.getRecordComponents();
          Class<?>[] types =
              Stream.of(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
          try {
            return new Shape(
                Stream.of(components).map(RecordComponent::getAccessor).toList(),
                type.getDeclaredConstructor(types));
          } catch (NoSuchMethodException e) {
            throw new LinkageError("records have a canonical constructor", e);
          }
        }
      };

  private OperandReplacement() {}

  /** Returns the record with its operands, and those of records that it contains, replaced. */
  @SuppressWarnings("unchecked") // a constructor of the record's own class
  static <T> T replace(T record, UnaryOperator<Operand> to) {
    Shape shape = SHAPES.get(record.getClass());
    var values = new @Nullable Object[shape.accessors.size()];
    try {
      for (int i = 0; i < values.length; i++) {
        values[i] = component(shape.accessors.get(i).invoke(record), to);
      }
      return (T) shape.constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException invalid) {
        throw invalid;
      }
      throw new AssertionError(e);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("records have accessors", e);
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
