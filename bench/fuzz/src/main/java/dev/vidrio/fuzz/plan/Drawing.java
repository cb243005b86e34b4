package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.TapTarget;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.LowRankTable;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Draws components by their Java types, which are few. A component of a new type needs a case here;
 * a new operation over these types does not.
 *
 * @param cacheSizes sizes of the layers of the cache
 * @param examples gives an operation of a class that another one contains
 */
record Drawing(
    SplittableRandom random, List<Integer> cacheSizes, Function<Class<?>, Spec> examples) {
  private static final int[] SIZES = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 24, 31, 32, 33, 48, 64, 96};
  private static final int[] LONG = {128, 160, 256, 512};
  private static final WeightType[] TYPES = WeightType.values();

  private static final float[] FLOATS = {0, 1, 0.5f, -1, 1e-5f, 0.125f, 3, -0.0f, 30, 1e-20f};

  private static final double[] DOUBLES = {1, 0, 0.5, 1.5, -1, 0.01};

  /** Returns the components of a record, drawn one by one. */
  Spec.OfRecord record(Class<?> type, Map<TypeVariable<?>, Type> arguments) {
    List<Spec> components = new ArrayList<>();
    for (RecordComponent component : Records.components(type)) {
      components.add(draw(component, arguments));
    }
    return new Spec.OfRecord(type, components);
  }

  /** Returns a new value for a component of a record. */
  Spec draw(RecordComponent component) {
    return draw(component, Map.of());
  }

  private Spec draw(RecordComponent component, Map<TypeVariable<?>, Type> arguments) {
    Type type = component.getGenericType();
    boolean nullable = component.getAnnotatedType().isAnnotationPresent(Nullable.class);
    if (nullable && random.nextBoolean()) {
      return new Spec.OfValue(null);
    }
    return draw(type instanceof TypeVariable<?> variable ? bound(variable, arguments) : type);
  }

  private static Type bound(TypeVariable<?> variable, Map<TypeVariable<?>, Type> arguments) {
    Type bound = arguments.get(variable);
    if (bound == null) {
      throw new IllegalArgumentException("unbound type " + variable);
    }
    return bound;
  }

  private Spec draw(Type type) {
    if (type instanceof ParameterizedType generic) {
      return draw(generic);
    }
    Class<?> raw = (Class<?>) type;
    if (Op.class.isAssignableFrom(raw)) {
      return examples.apply(raw);
    }
    if (raw.isEnum()) {
      return new Spec.OfValue(pick(raw.getEnumConstants()));
    }
    return switch (raw.getName()) {
      case "int" -> new Spec.OfInt(integer());
      case "float" -> new Spec.OfValue(FLOATS[random.nextInt(FLOATS.length)]);
      case "double" -> new Spec.OfValue(DOUBLES[random.nextInt(DOUBLES.length)]);
      case "boolean" -> new Spec.OfValue(random.nextBoolean());
      default -> object(raw);
    };
  }

  private Spec draw(ParameterizedType generic) {
    Class<?> raw = (Class<?>) generic.getRawType();
    Type argument = generic.getActualTypeArguments()[0];
    if (raw.isRecord()) {
      return record(raw, Map.of(raw.getTypeParameters()[0], argument));
    }
    if (raw == List.class && argument == Weights.class) {
      return new Spec.OfMatrices(1 + random.nextInt(6), weights());
    }
    if (raw == List.class && argument == Double.class) {
      return new Spec.OfNumbers(size());
    }
    throw new IllegalArgumentException("no values of type " + generic);
  }

  private Spec object(Class<?> raw) {
    if (raw == Weights.class) {
      return weights();
    }
    if (Operand.class.isAssignableFrom(raw)) {
      boolean quantized =
          raw == QuantizedBuffer.class || (raw != Buffer.class && random.nextBoolean());
      int width = quantized ? Math.ceilDiv(size(), 32) * 32 : size();
      return new Spec.OfOperand(quantized, rows(), width);
    }
    if (raw == EditTable.class) {
      return new Spec.OfEdits(size(), random.nextBoolean());
    }
    if (raw == TapTarget.class) {
      return new Spec.OfTap(size(), pick(TapType.values()));
    }
    if (raw == ColumnStatistics.class) {
      return new Spec.OfStatistics(size());
    }
    if (raw == LowRankTable.class) {
      return new Spec.OfAdapters(size(), size(), 1 + random.nextInt(20));
    }
    if (raw == MemorySegment.class) {
      return new Spec.OfMemory(size());
    }
    if (raw.isSealed()) {
      return draw(pick(raw.getPermittedSubclasses()));
    }
    if (raw.isRecord()) {
      return record(raw, Map.of());
    }
    throw new IllegalArgumentException("no values of type " + raw);
  }

  Spec.OfWeights weights() {
    WeightType type = random.nextInt(3) == 0 ? WeightType.F32 : pick(TYPES);
    int unit = type.blockElements();
    int n = random.nextInt(3) == 0 ? 1 : size();
    int k = Math.ceilDiv(size(), unit) * unit;
    return new Spec.OfWeights(type, random.nextBoolean() ? rowLayout() : packed(type), n, k);
  }

  private static Weights.Layout rowLayout() {
    return Weights.Layout.ROWS;
  }

  private static Weights.Layout packed(WeightType type) {
    return type.quantized() ? Weights.Layout.PACKED : Weights.Layout.ROWS;
  }

  private int integer() {
    return random.nextInt(5) == 0 ? size() : random.nextInt(6);
  }

  Rows rows() {
    return random.nextInt(4) == 0 ? Rows.LOGITS : Rows.TOKENS;
  }

  /** Returns a size, mostly a small one. */
  int size() {
    if (random.nextInt(3) == 0) {
      return cacheSizes.get(random.nextInt(cacheSizes.size()));
    }
    int[] from = random.nextInt(6) == 0 ? LONG : SIZES;
    return from[random.nextInt(from.length)];
  }

  <T> T pick(T[] values) {
    return values[random.nextInt(values.length)];
  }
}
