package dev.vidrio.model.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.Placement;
import dev.vidrio.kernel.ffm.WeightEncoder;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Takes tensors from a model file: checks shapes, packs quantized matrices, and rejects files with
 * tensors that were not taken.
 *
 * <p>Float matrices and embedding tables stay in the mapped file, and without repacking all
 * matrices except those of experts. Source pages are released while packing, so that a file is
 * never in memory twice; a packed row that is looked up later comes from the page cache.
 */
public final class WeightLoader {
  private final Gguf gguf;
  private final WeightMemory memory;
  private final WeightPacker packer;
  private final TensorTracker tensors;
  private long bytesPerToken;

  /**
   * Starts with a file.
   *
   * @param progress receives the bytes of tensors that are ready: first 0, then not fewer than
   *     before, finally all
   * @param repacking when quantized matrices are packed into memory of their own
   */
  public WeightLoader(
      Gguf gguf, Executor executor, Arena arena, LongConsumer progress, Repacking repacking) {
    this.gguf = gguf;
    this.tensors = new TensorTracker(gguf);
    QuantizedBytes quantized = QuantizedBytes.of(gguf);
    var slices = new WeightMemory(executor, arena, Placement.SLICES, quantized.matrices());
    Placement divided = Placement.ofExperts(quantized.expertMatrices(), executor.placedNodes());
    var experts = new WeightMemory(executor, arena, divided, quantized.experts());
    long rest = gguf.size() - quantized.matrices() - quantized.experts();
    this.memory = new WeightMemory(executor, arena, Placement.INTERLEAVED, rest);
    this.packer = new WeightPacker(gguf, quantized, executor, slices, experts, repacking, progress);
  }

  /** Returns the bytes of all tensors of a file. */
  public static long bytes(Gguf gguf) {
    return gguf.tensors().stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
  }

  /** Returns whether the file has a tensor. */
  public boolean has(String name) {
    return tensors.has(name);
  }

  /** Takes a matrix [n, k] for products. */
  Weights matrix(String name, int n, int k) {
    GgufTensor tensor = tensors.take(name, k, n);
    bytesPerToken += tensor.data().byteSize();
    return matrix(name, tensors.type(tensor), n, k, tensor.data());
  }

  /**
   * Takes the matrices [n, k] of a layer's experts, which are one tensor, or in old files one each.
   * Gate and up of an expert may be one matrix, gate first. Products with experts have kernels for
   * packed weights only.
   *
   * @param part common part of the tensors' names
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

  /** Takes the n rows from {@code first} on of each of the matrices [rows, k] of a tensor. */
  private List<Weights> experts(
      String name, Experts.Routing routing, int first, int n, int rows, int k) {
    GgufTensor tensor = tensors.take(name, k, rows, routing.count());
    return matrices(tensor, name, routing.count(), routing.used(), first, n, rows, k);
  }

  /**
   * Takes the n rows from {@code first} on of each head, as matrices [n, k] like those of experts.
   *
   * @param isSplit true for a tensor [heads, rows, k], false for one of [heads · rows, k]
   */
  List<Weights> headMatrices(
      String name, boolean isSplit, int heads, int first, int n, int rows, int k) {
    GgufTensor tensor =
        isSplit ? tensors.take(name, k, rows, heads) : tensors.take(name, k, heads * rows);
    return matrices(tensor, name, heads, heads, first, n, rows, k);
  }

  private List<Weights> matrices(
      GgufTensor tensor, String name, int count, int used, int first, int n, int rows, int k) {
    WeightType type = tensors.type(tensor);
    long rowBytes = tensor.data().byteSize() / count / rows;
    long bytes = n * rowBytes;
    bytesPerToken += used * bytes;
    return IntStream.range(0, count)
        .mapToObj(
            e -> {
              long offset = ((long) e * rows + first) * rowBytes;
              MemorySegment data = tensor.data().asSlice(offset, bytes);
              String matrix = name + "[" + e + "]";
              String part = n == rows ? matrix : new TensorRows(matrix, first, n).name();
              return packer.expert(part, type, n, k, data);
            })
        .toList();
  }

  /** Takes the elements of a vector, times a factor, as matrices [1, 1]. */
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
    return packer.expert(name, type, n, k, tensor.data());
  }

  private Weights matrix(String name, WeightType type, int n, int k, MemorySegment data) {
    return packer.matrix(name, type, n, k, data);
  }

  /** Takes the matrix [n, k] in the rows from {@code first} on of a fused matrix [rows, k]. */
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

  /** Takes matrix {@code number} of a tensor [count, n, k]. */
  public Weights matrixOf(String name, int number, int count, int n, int k) {
    return part(tensors.take(name, k, n, count), number * n, n, count * n, k);
  }

  /** Takes a tensor of matrices [n, k] as one matrix [count · n, k]. */
  Weights stackedMatrix(String name, int count, int n, int k) {
    GgufTensor tensor = tensors.take(name, k, n, count);
    bytesPerToken += tensor.data().byteSize();
    return matrix(name, tensors.type(tensor), Math.multiplyExact(count, n), k, tensor.data());
  }

  /**
   * Takes rows of a tensor [rows, k] as a matrix [n, k].
   *
   * @param part suffix of the matrix's name
   * @param source the tensor's row of each row, or −1 for a row of zeros
   */
  Weights rows(String name, String part, int rows, int n, int k, IntUnaryOperator source) {
    return rows(tensors.take(name, k, rows), name + "." + part, rows, n, k, source);
  }

  /**
   * Takes rows of each head as a matrix [heads · n, k].
   *
   * @param name the tensor [heads · stride, k]
   * @param first first row of a head that is taken
   * @param n rows that are taken per head
   * @param stride rows per head
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

  /**
   * Takes columns of a matrix [n, columns] as a matrix [n, k].
   *
   * @param first first column that is taken
   * @throws ModelFileException if a block of the matrix's type would be in two parts
   */
  public Weights columns(String name, int first, int k, int n, int columns) {
    GgufTensor tensor = tensors.take(name, columns, n);
    WeightType type = tensors.type(tensor);
    int elements = type.blockElements();
    if (first % elements != 0 || k % elements != 0) {
      throw new ModelFileException(
          gguf.name(),
          "tensor '" + name + "' type",
          type.name(),
          "must have blocks of at most %s columns".formatted(k));
    }
    long rowBytes = type.bytes(k);
    bytesPerToken += n * rowBytes;
    boolean packs = packer.packs(type);
    try (Arena scratch = Arena.ofShared()) {
      long bytes = n * rowBytes;
      MemorySegment data = packs ? scratch.allocate(bytes, 64) : memory.allocate(bytes);
      for (int row = 0; row < n; row++) {
        long from = row * type.bytes(columns) + type.bytes(first);
        MemorySegment.copy(tensor.data(), from, data, row * rowBytes, rowBytes);
      }
      String part = "%s.columns.%d-%d".formatted(name, first, first + k - 1);
      return packer.matrix(part, type, n, k, data, packs);
    }
  }

  /**
   * Takes square matrices [n, n] as the blocks on the diagonal of one matrix, of zeros elsewhere:
   * [count · n, count · n].
   */
  Weights blockDiagonal(String name, int count, int n) {
    GgufTensor tensor = tensors.take(name, n, n, count);
    WeightType type = tensors.type(tensor);
    int width = Math.multiplyExact(count, n);
    long blockBytes = tensor.data().byteSize() / width;
    long rowBytes = count * blockBytes;
    long bytes = Math.multiplyExact(width, rowBytes);
    bytesPerToken += bytes;
    boolean packs = packer.packs(type);
    try (Arena scratch = Arena.ofShared()) {
      MemorySegment data = packs ? scratch.allocate(bytes, 64) : memory.allocate(bytes);
      for (int row = 0; row < width; row++) {
        long to = row * rowBytes + row / n * blockBytes;
        MemorySegment.copy(tensor.data(), row * blockBytes, data, to, blockBytes);
      }
      return packer.matrix(name, type, width, width, data, packs);
    }
  }

  /** Takes transposes of matrices [k, n], padded with rows of zeros: [count · padded, k] in f32. */
  Weights transposedHeads(String name, int count, int k, int n, int padded) {
    GgufTensor tensor = tensors.take(name, n, k, count);
    MemorySegment data = memory.allocate(4L * Math.multiplyExact(count * padded, k));
    try (Arena arena = Arena.ofShared()) {
      MemorySegment floats = floats(tensor, name, (long) count * k, n, arena);
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

  /**
   * Takes a matrix [rank + same, n + same] of f32 for each head: the transpose of the head's keys
   * [n, rank], and the identity for the elements after them.
   *
   * @param isSplit true for a tensor [heads, rank, n], false for one of [heads · rows, rank] with
   *     the keys of a head in its first rows
   */
  List<Weights> transposedKeys(
      String name, boolean isSplit, int heads, int rank, int n, int rows, int same) {
    GgufTensor tensor =
        isSplit ? tensors.take(name, n, rank, heads) : tensors.take(name, rank, heads * rows);
    int outputs = rank + same;
    int inputs = n + same;
    List<Weights> matrices = new ArrayList<>();
    long ofHead = (long) rank * (isSplit ? n : rows);
    int ofInput = isSplit ? 1 : rank;
    int ofOutput = isSplit ? n : 1;
    try (Arena arena = Arena.ofShared()) {
      int columns = isSplit ? n : rank;
      MemorySegment floats = floats(tensor, name, heads * ofHead / columns, columns, arena);
      for (int head = 0; head < heads; head++) {
        MemorySegment matrix = memory.allocate(4L * Math.multiplyExact(outputs, inputs));
        for (int j = 0; j < rank; j++) {
          for (int i = 0; i < n; i++) {
            long from = head * ofHead + (long) j * ofOutput + (long) i * ofInput;
            float x = floats.getAtIndex(JAVA_FLOAT_UNALIGNED, from);
            matrix.setAtIndex(JAVA_FLOAT_UNALIGNED, (long) j * inputs + i, x);
          }
        }
        for (int i = 0; i < same; i++) {
          matrix.setAtIndex(JAVA_FLOAT_UNALIGNED, (rank + i) * (long) inputs + n + i, 1);
        }
        String own = name + "[" + head + "]";
        matrices.add(
            new Weights(own, WeightType.F32, Weights.Layout.ROWS, outputs, inputs, matrix));
        bytesPerToken += matrix.byteSize();
      }
    }
    packer.count(tensor.data().byteSize());
    return matrices;
  }

  /** Returns the elements of a tensor [rows, columns] in f32. */
  private MemorySegment floats(
      GgufTensor tensor, String name, long rows, int columns, Arena arena) {
    MemorySegment floats = arena.allocate(4L * rows * columns, 64);
    WeightEncoder.encode(
            tensors.type(tensor), WeightType.F32, rows, columns, tensor.data(), null, floats)
        .ifPresent(
            row -> {
              throw new ModelFileException(
                  gguf.name(), "tensor '" + name + "' row", Long.toString(row), "must be finite");
            });
    return floats;
  }

  /** Takes the transpose [n, k] of a float matrix [k, n], in f32. */
  Weights transposed(String name, int n, int k) {
    return transposed(name, n, 0, k, k);
  }

  /** Takes the transpose [n, k] of the k rows from {@code first} on of a float matrix [rows, n]. */
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

  /** Takes a table [n, k] for row lookups. */
  public Weights table(String name, int n, int k) {
    GgufTensor tensor = tensors.take(name, k, n);
    return new Weights(name, tensors.type(tensor), Weights.Layout.ROWS, n, k, tensor.data());
  }

  /**
   * Takes a table [n, parts, k] for lookups of rows [k].
   *
   * @throws ModelFileException if a block of the table's type would be in two rows
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

  /** Takes a number that the file has as a vector of one element. */
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

  /** Takes a float vector, in f32. */
  public Weights vector(String name, int k) {
    return vectorPart(name, 0, k, k);
  }

  /** Checks that no decay rate is positive. */
  Weights rates(Weights rates) {
    for (int i = 0; i < rates.k(); i++) {
      float rate = rates.data().getAtIndex(JAVA_FLOAT_UNALIGNED, i);
      if (!(rate <= 0)) {
        throw gguf.metadata().error(rates.name(), i, Float.toString(rate), "must not be positive");
      }
    }
    return rates;
  }

  /** Takes the k elements from {@code first} on of a vector of {@code length}, in f32. */
  Weights vectorPart(String name, int first, int k, int length) {
    return vectorPart(tensors.take(name, length), first, k, length);
  }

  /** Takes vectors [count, k] of heads or experts, or one vector [k], as one vector in f32. */
  Weights vectors(String name, int count, int k) {
    int elements = Math.multiplyExact(count, k);
    return vectorPart(tensors.take(name, k, count), 0, elements, elements);
  }

  /** Ignores the tensors of some blocks. */
  public void ignoreBlocks(int first, int count) {
    for (int i = first; i < first + count; i++) {
      ignore("blk." + i + ".");
    }
  }

  /** Ignores the tensors with a given name prefix. */
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

  /**
   * Takes a vector of whole numbers of type I64.
   *
   * @param limit larger than all of them, and not smaller than their number
   * @throws ModelFileException if one is not from 0 to {@code limit} − 1
   */
  List<Integer> indices(String name, int limit) {
    int count = (int) Math.min(limit, gguf.tensor(name).dim(0));
    GgufTensor tensor = tensors.take(name, count);
    if (tensor.type() != GgmlType.I64) {
      throw new ModelFileException(
          gguf.name(), "tensor '" + name + "' type", tensor.type().name(), "must be I64");
    }
    packer.count(tensor.data().byteSize());
    List<Integer> indices = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      long index = tensor.data().getAtIndex(JAVA_LONG_UNALIGNED, i);
      if (index < 0 || index >= limit) {
        throw new ModelFileException(
            gguf.name(),
            "tensor '%s' element %d".formatted(name, i),
            Long.toString(index),
            "must be 0 to " + (limit - 1));
      }
      indices.add((int) index);
    }
    return indices;
  }

  /** Makes a vector that the file does not have. */
  public Weights constants(String name, float[] values) {
    MemorySegment data = memory.allocate((long) values.length * Float.BYTES);
    MemorySegment.copy(values, 0, data, JAVA_FLOAT_UNALIGNED, 0, values.length);
    return new Weights(name, WeightType.F32, Weights.Layout.ROWS, 1, values.length, data);
  }

  /** Makes a matrix [n, k] that the file does not have. */
  public Weights constants(String name, int n, int k, float[] values) {
    return new Weights(
        name, WeightType.F32, Weights.Layout.ROWS, n, k, constants(name, values).data());
  }

  /** Takes a vector, or returns null if the file has none of this name. */
  @Nullable Weights optionalVector(String name, int k) {
    return has(name) ? vector(name, k) : null;
  }

  /** Takes tensors that a token of output does not read. */
  <T> T uncounted(Supplier<T> reader) {
    long before = bytesPerToken;
    T read = reader.get();
    bytesPerToken = before;
    return read;
  }

  /**
   * Completes loading.
   *
   * @throws UnsupportedModelException if the file has a tensor that was not taken
   */
  void finish() {
    tensors.requireAll();
    packer.finish();
  }

  /** Returns the bytes that a token of output reads: all but the rows of embedding tables. */
  public long bytesPerToken() {
    return bytesPerToken;
  }
}
