package dev.vidrio.model.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.WeightEncoder;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Takes tensors out of a model file: checks their shape, packs quantized matrices, and requires in
 * the end that none is left.
 *
 * <p>Matrices of floats and embedding tables stay in the mapped file, and all matrices but those of
 * experts if nothing is to be repacked. The pages of what was packed are given back to the system
 * part by part, so that a file that is packed whole never takes its size twice; a row of them that
 * is looked up later comes back from the page cache.
 */
public final class WeightLoader {
  private final Gguf gguf;
  private final WeightMemory memory;
  private final WeightPacker packer;
  private final TakenTensors tensors;
  private long bytesPerToken;

  /**
   * Takes nothing yet.
   *
   * @param progress hears how many bytes of the file's tensors are ready: at first 0, then never
   *     fewer than before, and last all of them
   * @param repack whether quantized matrices are packed into memory of their own
   */
  public WeightLoader(
      Gguf gguf, Executor executor, Arena arena, LongConsumer progress, boolean repack) {
    this.gguf = gguf;
    this.tensors = new TakenTensors(gguf);
    this.memory = new WeightMemory(executor, arena, gguf.size());
    this.packer = new WeightPacker(executor, memory, repack, bytes(gguf), progress);
  }

  /** Bytes of all tensors of a file. */
  public static long bytes(Gguf gguf) {
    return gguf.tensors().stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
  }

  /** Whether the file has this tensor. */
  public boolean has(String name) {
    return tensors.has(name);
  }

  /** A matrix [n, k] for products. */
  Weights matrix(String name, int n, int k) {
    GgufTensor tensor = tensors.take(name, k, n);
    bytesPerToken += tensor.data().byteSize();
    return matrix(name, tensors.type(tensor), n, k, tensor.data());
  }

  /**
   * The matrices [n, k] of a layer's experts, which lie one after the other in one tensor, or in
   * old files in one each. Gate and up of an expert may lie in one matrix, one behind the other.
   * Products with experts have kernels for packed weights only.
   *
   * @param part the name of the tensors, less what says whose they are
   */
  List<Weights> experts(String part, Experts.Routing routing, int n, int k) {
    int count = routing.count();
    String own = part + "_exps.weight";
    String both = part.replaceFirst("_(gate|up)$", "_gate_up") + "_exps.weight";
    if (!both.equals(own) && has(both)) {
      return experts(both, routing, part.endsWith("_up") ? n : 0, n, 2 * n, k);
    }
    if (has(part + ".0.weight")) {
      bytesPerToken += routing.used() * gguf.tensor(part + ".0.weight").data().byteSize();
      return IntStream.range(0, count).mapToObj(e -> expert(part, e, n, k)).toList();
    }
    return experts(own, routing, 0, n, n, k);
  }

  /** The n rows from {@code first} on of each of the matrices [rows, k] of a tensor. */
  private List<Weights> experts(
      String name, Experts.Routing routing, int first, int n, int rows, int k) {
    int count = routing.count();
    GgufTensor tensor = tensors.take(name, k, rows, count);
    WeightType type = tensors.type(tensor);
    long rowBytes = tensor.data().byteSize() / count / rows;
    long bytes = n * rowBytes;
    bytesPerToken += routing.used() * bytes;
    return IntStream.range(0, count)
        .mapToObj(
            e -> {
              long offset = ((long) e * rows + first) * rowBytes;
              MemorySegment data = tensor.data().asSlice(offset, bytes);
              String matrix = name + "[" + e + "]";
              String part = n == rows ? matrix : new TensorRows(matrix, first, n).name();
              return packer.matrix(part, type, n, k, data, type.quantized());
            })
        .toList();
  }

  /** The elements of a vector, times a factor, as matrices [1, 1]. */
  List<Weights> factors(String name, int count, float factor) {
    MemorySegment data = vector(name, count).data();
    return IntStream.range(0, count)
        .mapToObj(i -> factor * data.getAtIndex(JAVA_FLOAT_UNALIGNED, i))
        .map(product -> constants(name, 1, 1, new float[] {product}))
        .toList();
  }

  private Weights expert(String part, int e, int n, int k) {
    String name = part + "." + e + ".weight";
    GgufTensor tensor = tensors.take(name, k, n);
    GgufTensor first = gguf.tensor(part + ".0.weight");
    if (tensor.type() != first.type()) {
      throw new ModelFileException(
          gguf.name(),
          "type of tensor '" + name + "'",
          tensor.type().name(),
          "must be that of the layer's first expert, " + first.type());
    }
    WeightType type = tensors.type(tensor);
    return packer.matrix(name, type, n, k, tensor.data(), type.quantized());
  }

  private Weights matrix(String name, WeightType type, int n, int k, MemorySegment data) {
    return packer.matrix(name, type, n, k, data, packer.packs(type));
  }

  /** The matrix [n, k] in the rows from {@code first} on of a fused matrix [rows, k]. */
  public Weights matrixPart(String name, int first, int n, int rows, int k) {
    return part(tensors.take(name, k, rows), first, n, rows, k);
  }

  private Weights part(GgufTensor tensor, int first, int n, int rows, int k) {
    long rowBytes = tensor.data().byteSize() / rows;
    bytesPerToken += n * rowBytes;
    return matrix(
        new TensorRows(tensor.name(), first, n).name(),
        tensors.type(tensor),
        n,
        k,
        tensor.data().asSlice(first * rowBytes, n * rowBytes));
  }

  /** The matrix [n, k] of a number among those of a tensor [count, n, k]. */
  public Weights matrixOf(String name, int number, int count, int n, int k) {
    return part(tensors.take(name, k, n, count), number * n, n, count * n, k);
  }

  /** The matrix [count · n, k] that a tensor of matrices [n, k] is. */
  Weights stackedMatrix(String name, int count, int n, int k) {
    GgufTensor tensor = tensors.take(name, k, n, count);
    bytesPerToken += tensor.data().byteSize();
    return matrix(name, tensors.type(tensor), Math.multiplyExact(count, n), k, tensor.data());
  }

  /**
   * The matrix [n, k] of some rows of a tensor [rows, k].
   *
   * @param part what it is called behind the tensor's name
   * @param source the tensor's row of each row, or −1 for one of zeros
   */
  Weights rows(String name, String part, int rows, int n, int k, IntUnaryOperator source) {
    return rows(tensors.take(name, k, rows), name + "." + part, rows, n, k, source);
  }

  /**
   * The matrix [heads · n, k] of some rows of each head.
   *
   * @param name the tensor [heads · stride, k]
   * @param first the first of a head's rows that are taken
   * @param n how many are taken of each
   * @param stride rows of a head in all
   */
  Weights headRows(String name, int heads, int first, int n, int stride, int k) {
    var part = new TensorRows(name, first, n, stride);
    int rows = heads * stride;
    return rows(tensors.take(name, k, rows), part.name(), rows, heads * n, k, part::row);
  }

  private Weights rows(
      GgufTensor tensor, String name, int rows, int n, int k, IntUnaryOperator source) {
    WeightType type = tensors.type(tensor);
    long rowBytes = tensor.data().byteSize() / rows;
    bytesPerToken += n * rowBytes;
    boolean packs = packer.packs(type);
    try (Arena scratch = Arena.ofShared()) {
      long bytes = n * rowBytes;
      MemorySegment data = packs ? scratch.allocate(bytes, 64) : memory.allocate(bytes);
      for (int row = 0; row < n; row++) {
        int from = source.applyAsInt(row);
        if (from >= 0) {
          MemorySegment.copy(tensor.data(), from * rowBytes, data, row * rowBytes, rowBytes);
        }
      }
      return packer.matrix(name, type, n, k, data, packs);
    }
  }

  /** Transposes of matrices [k, n], padded with rows of zeros: [count · padded, k] in f32. */
  Weights transposedHeads(String name, int count, int k, int n, int padded) {
    GgufTensor tensor = tensors.take(name, n, k, count);
    MemorySegment data = memory.allocate(4L * Math.multiplyExact(count * padded, k));
    try (Arena arena = Arena.ofShared()) {
      MemorySegment floats = arena.allocate(4L * count * k * n, 64);
      WeightEncoder.encode(
              tensors.type(tensor),
              WeightType.F32,
              (long) count * k,
              n,
              tensor.data(),
              null,
              floats)
          .ifPresent(
              row -> {
                throw new ModelFileException(
                    gguf.name(), "tensor '" + name + "' row", Long.toString(row), "must be finite");
              });
      for (int head = 0; head < count; head++) {
        for (int i = 0; i < n; i++) {
          for (int j = 0; j < k; j++) {
            float x = floats.getAtIndex(JAVA_FLOAT_UNALIGNED, ((long) head * k + j) * n + i);
            data.setAtIndex(JAVA_FLOAT_UNALIGNED, ((long) head * padded + i) * k + j, x);
          }
        }
      }
    }
    bytesPerToken += data.byteSize();
    packer.count(tensor.data().byteSize());
    return new Weights(name, WeightType.F32, Weights.Layout.ROWS, count * padded, k, data);
  }

  /** The transpose [n, k] of a matrix of floats [k, n], in f32. */
  Weights transposed(String name, int n, int k) {
    return transposed(name, n, 0, k, k);
  }

  /** The transpose [n, k] of the k rows from {@code first} on of a matrix of floats [rows, n]. */
  Weights transposed(String name, int n, int first, int k, int rows) {
    GgufTensor tensor = tensors.take(name, n, rows);
    MemorySegment data = memory.allocate(4L * Math.multiplyExact(n, k));
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < k; j++) {
        float x = tensors.element(tensor, Math.addExact(Math.multiplyExact(first + j, n), i));
        data.setAtIndex(JAVA_FLOAT_UNALIGNED, (long) i * k + j, x);
      }
    }
    bytesPerToken += data.byteSize();
    packer.count(tensor.data().byteSize() / rows * k);
    String part = k == rows ? name : new TensorRows(name, first, k).name();
    return new Weights(part, WeightType.F32, Weights.Layout.ROWS, n, k, data);
  }

  /** A table [n, k] whose rows are looked up. */
  public Weights table(String name, int n, int k) {
    GgufTensor tensor = tensors.take(name, k, n);
    return new Weights(name, tensors.type(tensor), Weights.Layout.ROWS, n, k, tensor.data());
  }

  /**
   * A table [n, parts, k] whose rows [k] are looked up, several for each of the n.
   *
   * @throws ModelFileException when a block of the table's type would lie in two rows
   */
  public Weights table(String name, int n, int parts, int k) {
    GgufTensor tensor = tensors.take(name, Math.multiplyExact(parts, k), n);
    WeightType type = tensors.type(tensor);
    if (k % type.blockElements() != 0 || (long) n * parts > Integer.MAX_VALUE) {
      throw new ModelFileException(
          gguf.name(),
          "tensor '" + name + "' shape",
          tensor.shape().toString(),
          "must be made of rows of "
              + k
              + " elements, multiples of "
              + type.blockElements()
              + ", at most "
              + Integer.MAX_VALUE);
    }
    return new Weights(name, type, Weights.Layout.ROWS, n * parts, k, tensor.data());
  }

  /** A number that the file has as a vector of one element. */
  public float scalar(String name) {
    GgufTensor tensor = tensors.take(name, 1);
    float value = tensors.element(tensor, 0);
    if (!Float.isFinite(value)) {
      throw new ModelFileException(
          gguf.name(), "tensor '" + name + "'", Float.toString(value), "must be finite");
    }
    packer.count(tensor.data().byteSize());
    return value;
  }

  /** A vector of floats, in f32. */
  public Weights vector(String name, int k) {
    return vectorPart(name, 0, k, k);
  }

  /** A vector of rates at which something decays, in f32, none of them positive. */
  Weights rates(String name, int k) {
    return rates(vector(name, k));
  }

  /** The same of a matrix [k, 1]. */
  Weights foldedRates(String name, int k) {
    return rates(vectors(name, k, 1));
  }

  private Weights rates(Weights rates) {
    for (int i = 0; i < rates.k(); i++) {
      float rate = rates.data().getAtIndex(JAVA_FLOAT_UNALIGNED, i);
      if (!(rate <= 0)) {
        throw gguf.metadata().error(rates.name(), i, Float.toString(rate), "must not be positive");
      }
    }
    return rates;
  }

  /** The k elements from {@code first} on of a vector of {@code length}, in f32. */
  Weights vectorPart(String name, int first, int k, int length) {
    return vectorPart(tensors.take(name, length), first, k, length);
  }

  /** Vectors [count, k] of heads or experts, or one [k], as one vector in f32. */
  Weights vectors(String name, int count, int k) {
    int elements = Math.multiplyExact(count, k);
    return vectorPart(tensors.take(name, k, count), 0, elements, elements);
  }

  /** Passes over the tensors of some blocks. */
  public void ignoreBlocks(int first, int count) {
    for (int i = first; i < first + count; i++) {
      ignore("blk." + i + ".");
    }
  }

  /** Passes over the tensors whose names begin like this. */
  public void ignore(String prefix) {
    tensors.ignore(prefix);
  }

  private Weights vectorPart(GgufTensor tensor, int first, int k, int length) {
    MemorySegment data = memory.allocate((long) k * Float.BYTES);
    for (int i = 0; i < k; i++) {
      data.setAtIndex(JAVA_FLOAT_UNALIGNED, i, tensors.element(tensor, first + i));
    }
    bytesPerToken += data.byteSize();
    String name = tensor.name();
    String part = k == length ? name : new TensorRows(name, first, k).name();
    packer.count(tensor.data().byteSize() / length * k);
    return new Weights(part, WeightType.F32, Weights.Layout.ROWS, 1, k, data);
  }

  /** A vector that the file does not have. */
  public Weights constants(String name, float[] values) {
    MemorySegment data = memory.allocate((long) values.length * Float.BYTES);
    MemorySegment.copy(values, 0, data, JAVA_FLOAT_UNALIGNED, 0, values.length);
    return new Weights(name, WeightType.F32, Weights.Layout.ROWS, 1, values.length, data);
  }

  /** A matrix [n, k] that the file does not have. */
  Weights constants(String name, int n, int k, float[] values) {
    return new Weights(
        name, WeightType.F32, Weights.Layout.ROWS, n, k, constants(name, values).data());
  }

  /** A vector, or null where the file has none of this name. */
  @Nullable Weights optionalVector(String name, int k) {
    return has(name) ? vector(name, k) : null;
  }

  /**
   * Ends loading.
   *
   * @throws UnsupportedModelException when the file has a tensor that was not taken
   */
  void finish() {
    tensors.requireAll();
    packer.finish();
  }

  /** Bytes that a token of output reads: all but the rows of embedding tables. */
  public long bytesPerToken() {
    return bytesPerToken;
  }
}
