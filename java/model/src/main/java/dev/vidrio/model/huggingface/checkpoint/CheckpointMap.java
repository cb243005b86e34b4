package dev.vidrio.model.huggingface.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.TensorSource;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Collects the tensors of a model under their names in GGUF, and rejects checkpoints with tensors
 * that were not taken.
 */
public final class CheckpointMap implements TensorMap {

  private final String directory;
  private final CheckpointTensors tensors;
  private final List<TensorSource> sources = new ArrayList<>();

  public CheckpointMap(String directory, Map<String, SafetensorsTensor> checkpoint) {
    this.directory = directory;
    this.tensors = new CheckpointTensors(directory, checkpoint);
  }

  @Override
  public boolean has(String from) {
    return tensors.has(from);
  }

  @Override
  public void take(String from, String to) {
    SafetensorsTensor tensor = tensors.get(from);
    add(to, tensors.type(tensor), tensor.shape(), allocator -> tensor.data());
  }

  @Override
  public void takeOptional(String from, String to) {
    if (has(from)) {
      take(from, to);
    }
  }

  @Override
  public void takeRows(String from, String to, int rows, IntUnaryOperator source) {
    for (String part : List.of(".weight", ".bias")) {
      if (part.equals(".weight") || has(from + part)) {
        takeRows(from + part, to + part, rows, rows, source);
      }
    }
  }

  @Override
  public void takeRows(String from, String to, int rows, int n, IntUnaryOperator source) {
    SafetensorsTensor tensor = tensors.rows(from, rows);
    List<Long> shape = new ArrayList<>(tensor.shape());
    shape.set(0, (long) n);
    add(to, tensors.type(tensor), shape, allocator -> Layouts.rows(tensor, n, source, allocator));
  }

  @Override
  public void takeScaled(String from, String to, int rows, IntToDoubleFunction factor) {
    SafetensorsTensor tensor = tensors.matrix(from, rows, 0);
    add(
        to,
        tensors.type(tensor),
        tensor.shape(),
        allocator -> Layouts.scaled(tensor, factor, allocator));
  }

  @Override
  public void takeOrderedColumns(String from, String to, int columns, IntUnaryOperator source) {
    SafetensorsTensor tensor = tensors.matrix(from, 0, columns);
    add(
        to,
        tensors.type(tensor),
        tensor.shape(),
        allocator -> Layouts.orderedColumns(tensor, source, allocator));
  }

  /**
   * Checks that a tensor is a matrix.
   *
   * @param rows required number of rows; 0 for any
   * @param columns required number of columns; 0 for any
   * @return the number of rows
   */
  public int requireMatrix(String from, int rows, int columns) {
    return tensors.matrix(from, rows, columns).shape().getFirst().intValue();
  }

  /**
   * Takes a matrix times a factor, with its rows in another order.
   *
   * @param source the checkpoint's row of each row, or null where the order is the same
   */
  public void takeMatrix(String from, String to, @Nullable IntUnaryOperator source, double factor) {
    SafetensorsTensor tensor = tensors.get(from);
    IntUnaryOperator order = source == null ? IntUnaryOperator.identity() : source;
    if (factor != 1) {
      tensors.type(tensor);
      add(
          to,
          GgmlType.F32,
          tensor.shape(),
          allocator -> Layouts.rows(Layouts.times(tensor, factor, allocator), order, allocator));
    } else if (source == null) {
      take(from, to);
    } else {
      add(
          to,
          tensors.type(tensor),
          tensor.shape(),
          allocator -> Layouts.rows(tensor, order, allocator));
    }
  }

  /** Takes a tensor of one element. */
  public float number(String from) {
    SafetensorsTensor tensor = tensors.get(from);
    tensors.type(tensor);
    if (tensor.data().byteSize() != tensor.dtype().bytes()) {
      throw tensors.error(tensor, "must have one element");
    }
    try (Arena arena = Arena.ofConfined()) {
      return Layouts.widened(tensor, arena).get(JAVA_FLOAT_UNALIGNED, 0);
    }
  }

  @Override
  public void takeTransposed(String from, String to) {
    SafetensorsTensor tensor = tensors.get(from + ".weight");
    if (tensor.shape().size() != 2) {
      throw tensors.error(tensor, "must be a matrix");
    }
    add(
        to + ".weight",
        tensors.type(tensor),
        tensor.shape().reversed(),
        allocator -> Layouts.transposed(tensor, allocator));
    takeOptional(from + ".bias", to + ".bias");
  }

  @Override
  public void takeKernels(String from, String to, int d, IntUnaryOperator source) {
    SafetensorsTensor tensor = tensors.get(from);
    List<Long> shape = tensor.shape();
    if (shape.size() != 3 || shape.get(0) != d || shape.get(1) != 1) {
      throw tensors.error(tensor, "must be [" + d + ", 1, L]");
    }
    add(
        to,
        tensors.type(tensor),
        List.of(shape.get(0), shape.get(2)),
        allocator -> Layouts.rows(tensor, source, allocator));
  }

  @Override
  public void takeRates(String from, String to, int n, IntUnaryOperator source) {
    takeRates(from, to, n, List.of((long) n), source);
  }

  @Override
  public void takeRates(String from, String to, int n) {
    takeRates(from, to, n, List.of((long) n, 1L), IntUnaryOperator.identity());
  }

  @Override
  public void takeSoftplusRates(String from, String to, int n, double factor) {
    SafetensorsTensor tensor = tensors.vector(from, n);
    tensors.type(tensor);
    add(
        to,
        GgmlType.F32,
        List.of((long) n),
        allocator -> Layouts.softplusRates(tensor, factor, allocator));
  }

  private void takeRates(String from, String to, int n, List<Long> shape, IntUnaryOperator source) {
    SafetensorsTensor tensor = tensors.vector(from, n);
    tensors.type(tensor);
    add(to, GgmlType.F32, shape, allocator -> Layouts.rates(tensor, source, allocator));
  }

  @Override
  public void takeFolded(String from, String to, int n, int k) {
    SafetensorsTensor tensor = tensors.vector(from, Math.multiplyExact(n, k));
    add(to, tensors.type(tensor), List.of((long) n, (long) k), allocator -> tensor.data());
  }

  @Override
  public void takePlusOne(String from, String to) {
    SafetensorsTensor tensor = tensors.get(from);
    tensors.type(tensor);
    add(to, GgmlType.F32, tensor.shape(), allocator -> Layouts.plusOne(tensor, allocator));
  }

  @Override
  public void takeStacked(String pattern, int count, String to) {
    List<SafetensorsTensor> members = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      SafetensorsTensor tensor = tensors.get(pattern.formatted(i));
      SafetensorsTensor first = members.isEmpty() ? tensor : members.getFirst();
      if (tensor.dtype() != first.dtype() || !tensor.shape().equals(first.shape())) {
        throw tensors.error(tensor, "must be like " + first);
      }
      members.add(tensor);
    }
    List<Long> shape = new ArrayList<>(members.getFirst().shape());
    shape.addFirst((long) count);
    add(
        to,
        tensors.type(members.getFirst()),
        shape,
        allocator -> Layouts.stacked(members, allocator));
  }

  @Override
  public void takeSplit(String from, int count, String to) {
    SafetensorsTensor stack = split(from, count);
    add(to, tensors.type(stack), stack.shape(), allocator -> stack.data());
  }

  @Override
  public void takeSplitColumns(String from, int count, String to) {
    SafetensorsTensor stack = split(from, count);
    List<Long> shape = List.of(stack.shape().get(0), stack.shape().get(2), stack.shape().get(1));
    add(
        to,
        tensors.type(stack),
        shape,
        allocator -> Layouts.columns(stack, stack.shape().get(2), 0, 1, allocator));
  }

  private SafetensorsTensor split(String from, int count) {
    SafetensorsTensor tensor = tensors.get(from);
    List<Long> shape = tensors.requireStack(tensor, 2);
    List<Long> stack =
        List.of((long) count, tensors.strided(tensor, shape.get(0), count), shape.get(1));
    return new SafetensorsTensor(tensor.name(), tensor.dtype(), stack, tensor.data());
  }

  @Override
  public void takeHalves(String from, String upper, String lower) {
    SafetensorsTensor tensor = tensors.get(from);
    List<Long> shape = tensor.shape();
    int rows = shape.size() - 2;
    if (rows < 0 || rows > 1 || shape.get(rows) % 2 != 0) {
      throw tensors.error(
          tensor, "must be a matrix, or a stack of them, with an even number of rows");
    }
    List<Long> half = new ArrayList<>(shape);
    half.set(rows, shape.get(rows) / 2);
    add(upper, tensors.type(tensor), half, allocator -> Layouts.half(tensor, 0, allocator));
    add(lower, tensors.type(tensor), half, allocator -> Layouts.half(tensor, 1, allocator));
  }

  @Override
  public void takeHeads(String from, int heads, int first, String transposed, String others) {
    SafetensorsTensor tensor = tensors.get(from);
    List<Long> shape = tensor.shape();
    if (shape.size() != 2 || shape.get(0) % heads != 0 || shape.get(0) / heads <= first) {
      throw tensors.error(
          tensor, "must be a matrix with more than " + first + " rows for each head");
    }
    long rest = shape.get(0) / heads - first;
    add(
        transposed,
        tensors.type(tensor),
        List.of((long) heads, shape.get(1), (long) first),
        allocator -> Layouts.firstOfHeads(tensor, heads, first, allocator));
    add(
        others,
        tensors.type(tensor),
        List.of((long) heads, rest, shape.get(1)),
        allocator -> Layouts.othersOfHeads(tensor, heads, first, allocator));
  }

  @Override
  public void takeColumns(String from, String to, int first, int step) {
    SafetensorsTensor tensor = tensors.get(from);
    List<Long> shape = tensors.requireStack(tensor, 3);
    long n = tensors.strided(tensor, shape.get(2), step);
    add(
        to,
        tensors.type(tensor),
        List.of(shape.get(0), n, shape.get(1)),
        allocator -> Layouts.columns(tensor, n, first, step, allocator));
  }

  @Override
  public void takeColumnHalves(String from, String left, String right) {
    SafetensorsTensor tensor = tensors.get(from);
    List<Long> shape = tensors.requireStack(tensor, 3);
    long n = tensors.strided(tensor, shape.get(2), 2);
    List<Long> half = List.of(shape.get(0), n, shape.get(1));
    add(left, tensors.type(tensor), half, allocator -> Layouts.columns(tensor, n, 0, 1, allocator));
    add(
        right,
        tensors.type(tensor),
        half,
        allocator -> Layouts.columns(tensor, n, n, 1, allocator));
  }

  @Override
  public void takeElements(String from, String to, int first, int step) {
    SafetensorsTensor tensor = tensors.get(from);
    List<Long> shape = tensors.requireStack(tensor, 2);
    long n = tensors.strided(tensor, shape.get(1), step);
    add(
        to,
        tensors.type(tensor),
        List.of(shape.get(0), n),
        allocator -> Layouts.elements(tensor, first, step, allocator));
  }

  @Override
  public void takeMxfp4(String from, String to, int first, int step) {
    SafetensorsTensor codes = tensors.get(from + "_blocks");
    SafetensorsTensor scales = tensors.get(from + "_scales");
    List<Long> shape = tensors.requireStack(codes, 4);
    boolean isWhole = codes.dtype() == Dtype.U8 && shape.get(3) == Layouts.MXFP4_BYTES;
    if (!isWhole || scales.dtype() != Dtype.U8 || !scales.shape().equals(shape.subList(0, 3))) {
      throw tensors.error(codes, "must be U8 [E, N, B, 16] beside U8 scales [E, N, B]");
    }
    long n = tensors.strided(codes, shape.get(1), step);
    add(
        to,
        GgmlType.MXFP4,
        List.of(shape.get(0), n, shape.get(2) * GgmlType.MXFP4.blockElements()),
        allocator -> Layouts.mxfp4(codes, scales, first, step, allocator));
  }

  @Override
  public void addVector(String to, float[] values) {
    List<Long> shape = List.of((long) values.length);
    add(to, GgmlType.F32, shape, allocator -> Layouts.floats(values, allocator));
  }

  @Override
  public void ignore(String from) {
    tensors.ignore(from);
  }

  @Override
  public void ignoreAll(String prefix) {
    tensors.ignoreAll(prefix);
  }

  /**
   * Completes the collection.
   *
   * @throws UnsupportedModelException if the checkpoint has a tensor that was not taken
   */
  public List<TensorSource> finish() {
    tensors.requireAllTaken();
    return List.copyOf(sources);
  }

  private void add(String to, GgmlType type, List<Long> shape, TensorSource.Maker maker) {
    if (shape.isEmpty() || shape.size() > 4 || shape.contains(0L)) {
      throw new ModelFileException(
          directory,
          "tensor '" + to + "' shape",
          shape.toString(),
          "must be 1 to 4 positive sizes");
    }
    sources.add(new TensorSource(to, type, shape.reversed(), maker));
  }
}
