package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A component of an operation without memory: kinds and sizes, from which {@link Workshop} makes
 * the value. All of a component's numbers that may have to match those of others are its {@code
 * sizes}.
 */
sealed interface Spec {
  /** Returns the sizes. */
  default List<Integer> sizes() {
    return List.of();
  }

  /** Returns this component with other sizes, as many as it has. */
  default Spec withSizes(List<Integer> sizes) {
    return this;
  }

  /** Returns the number of elements: of a row of an activation, or of matrices. */
  default long elements() {
    return 0;
  }

  /** An activation. */
  record OfOperand(boolean quantized, Rows rows, int width) implements Spec {
    @Override
    public List<Integer> sizes() {
      return List.of(width);
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      return new OfOperand(quantized, rows, sizes.getFirst());
    }

    @Override
    public long elements() {
      return width;
    }
  }

  /** A matrix. */
  record OfWeights(WeightType type, Weights.Layout layout, int n, int k) implements Spec {
    @Override
    public List<Integer> sizes() {
      return List.of(n, k);
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      return new OfWeights(type, layout, sizes.get(0), sizes.get(1));
    }

    @Override
    public long elements() {
      return (long) n * k;
    }
  }

  /** Matrices of one type and shape. */
  record OfMatrices(int count, OfWeights each) implements Spec {
    @Override
    public List<Integer> sizes() {
      return List.of(count, each.n(), each.k());
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      var other = new OfWeights(each.type(), each.layout(), sizes.get(1), sizes.get(2));
      return new OfMatrices(Math.clamp(sizes.get(0), 1, 64), other);
    }

    @Override
    public long elements() {
      return count * each.elements();
    }
  }

  /** A table of edits. */
  record OfEdits(int width, boolean subspaces) implements Spec {
    @Override
    public List<Integer> sizes() {
      return List.of(width);
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      return new OfEdits(sizes.getFirst(), subspaces);
    }
  }

  /** The target of a tap. */
  record OfTap(int width, TapType type) implements Spec {
    @Override
    public List<Integer> sizes() {
      return List.of(width);
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      return new OfTap(sizes.getFirst(), type);
    }
  }

  /** Statistics of columns. */
  record OfStatistics(int width) implements Spec {
    @Override
    public List<Integer> sizes() {
      return List.of(width);
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      return new OfStatistics(sizes.getFirst());
    }
  }

  /** A table of adapters for one matrix [n, k]. */
  record OfAdapters(int n, int k, int rank) implements Spec {
    @Override
    public List<Integer> sizes() {
      return List.of(n, k, rank);
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      return new OfAdapters(sizes.get(0), sizes.get(1), sizes.get(2));
    }

    @Override
    public long elements() {
      return rank * ((long) n + k);
    }
  }

  /** Memory of a row of floats for every row that the limits allow. */
  record OfMemory(int width) implements Spec {
    @Override
    public List<Integer> sizes() {
      return List.of(width);
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      return new OfMemory(sizes.getFirst());
    }
  }

  /** Numbers in a list. */
  record OfNumbers(int count) implements Spec {
    @Override
    public List<Integer> sizes() {
      return List.of(count);
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      return new OfNumbers(sizes.getFirst());
    }
  }

  /** An integer, which may be a size. */
  record OfInt(int value) implements Spec {
    @Override
    public List<Integer> sizes() {
      return List.of(value);
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      return new OfInt(sizes.getFirst());
    }
  }

  /** A value without memory that is not a size: a float, a constant, or null. */
  record OfValue(@Nullable Object value) implements Spec {}

  /** A record with its components: an operation, or a part of one. */
  record OfRecord(Class<?> type, List<Spec> components) implements Spec {
    public OfRecord {
      components = Collections.unmodifiableList(new ArrayList<>(components));
    }

    @Override
    public List<Integer> sizes() {
      List<Integer> all = new ArrayList<>();
      for (Spec each : components) {
        all.addAll(each.sizes());
      }
      return all;
    }

    @Override
    public Spec withSizes(List<Integer> sizes) {
      List<Spec> others = new ArrayList<>();
      int from = 0;
      for (Spec each : components) {
        int to = from + each.sizes().size();
        others.add(each.withSizes(sizes.subList(from, to)));
        from = to;
      }
      return new OfRecord(type, others);
    }

    @Override
    public long elements() {
      return components.stream().mapToLong(Spec::elements).sum();
    }

    /** Returns the activations among the components, also those of parts. */
    List<OfOperand> operands() {
      List<OfOperand> found = new ArrayList<>();
      for (Spec each : components) {
        switch (each) {
          case OfOperand operand -> found.add(operand);
          case OfRecord part -> found.addAll(part.operands());
          default -> {}
        }
      }
      return found;
    }

    /** Returns this record with other activations, as many as it has. */
    OfRecord withOperands(List<OfOperand> others) {
      List<Spec> replaced = new ArrayList<>();
      int from = 0;
      for (Spec each : components) {
        switch (each) {
          case OfOperand ignored -> replaced.add(others.get(from++));
          case OfRecord part -> {
            int to = from + part.operands().size();
            replaced.add(part.withOperands(others.subList(from, to)));
            from = to;
          }
          default -> replaced.add(each);
        }
      }
      return new OfRecord(type, replaced);
    }

    /** Returns this record with another component. */
    OfRecord with(int index, Spec other) {
      List<Spec> others = new ArrayList<>(components);
      others.set(index, other);
      return new OfRecord(type, others);
    }
  }
}
