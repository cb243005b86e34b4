package dev.vidrio.model.adapter;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.block.TensorRows;
import dev.vidrio.model.load.LoadedModel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Reads adapters in llama.cpp's format: for a tensor {@code x} of the model, the factors {@code
 * x.lora_a} [r, K] and {@code x.lora_b} [N, r]; the scale is {@code adapter.lora.alpha / r}, or 1
 * without alpha. Factors are converted to f32.
 */
final class AdapterReader {
  private static final String A = ".lora_a";
  private static final String B = ".lora_b";
  private static final String ALPHA = "adapter.lora.alpha";
  private static final Set<String> KEYS =
      Set.of("adapter.type", ALPHA, "adapter.lora.task_name", "adapter.lora.prompt_prefix");
  private static final List<GgmlType> TYPES =
      List.of(GgmlType.F32, GgmlType.F16, GgmlType.BF16, GgmlType.Q8_0);
  private static final int ALIGNMENT = 64;

  private final Gguf file;
  private final LoadedModel model;
  private final Arena arena;
  private final float alpha;
  private final Map<String, LowRank> updates = new LinkedHashMap<>();

  /**
   * Checks the metadata of a file.
   *
   * @param arena allocates the factors
   */
  AdapterReader(Gguf file, LoadedModel model, Arena arena) {
    this.file = file;
    this.model = model;
    this.arena = arena;
    checkKeys();
    this.alpha = file.metadata().floatValue(ALPHA, 0, 1 << 24, 0);
  }

  private void checkKeys() {
    require("general.type", "adapter");
    String type = file.metadata().string("adapter.type");
    if (!type.equals("lora")) {
      throw unsupported("key 'adapter.type' " + type, "supported: lora");
    }
    require("general.architecture", model.architecture().name());
    for (String key : file.metadata().entries().keySet()) {
      if (key.startsWith("adapter.") && !KEYS.contains(key)) {
        throw unsupported(
            "key '" + key + "'", "unknown key; known: " + String.join(", ", new TreeSet<>(KEYS)));
      }
    }
  }

  private void require(String key, String expected) {
    String value = file.metadata().string(key);
    if (!value.equals(expected)) {
      throw file.metadata().error(key, value, "must be " + expected);
    }
  }

  /** Returns the updates, by the names of the matrices in the model's plan. */
  Map<String, LowRank> read() {
    Map<String, List<Weights>> matrices =
        LoraInsertion.matrices(model.architecture().plan()).stream()
            .collect(Collectors.groupingBy(matrix -> TensorRows.of(matrix).tensor()));
    for (String tensor : tensors()) {
      List<Weights> parts = matrices.get(tensor);
      if (parts == null) {
        throw unknown(tensor);
      }
      read(tensor, parts);
    }
    if (updates.isEmpty()) {
      throw new ModelFileException(file.name(), "", "", "has no tensors");
    }
    return Collections.unmodifiableMap(updates);
  }

  /** Returns the tensors of the model that the file has factors for. */
  private Set<String> tensors() {
    Set<String> names = new LinkedHashSet<>();
    for (GgufTensor tensor : file.tensors()) {
      String name = tensor.name();
      if (!name.endsWith(A) && !name.endsWith(B)) {
        throw unsupported("tensor '" + name + "'", "adapters have *" + A + " and *" + B);
      }
      names.add(name.substring(0, name.length() - A.length()));
    }
    return names;
  }

  private ModelException unknown(String tensor) {
    return model.gguf().findTensor(tensor).isPresent()
        ? unsupported(
            "an adapter of '" + tensor + "'",
            "supported: projections of attention and feed-forward blocks, and output.weight")
        : new ModelFileException(
            file.name(), "tensor '" + tensor + A + "'", "", "the model has no '" + tensor + "'");
  }

  private void read(String tensor, List<Weights> parts) {
    GgufTensor a = file.tensor(tensor + A);
    GgufTensor b = file.tensor(tensor + B);
    int rank = rank(a);
    requireShape(a, parts.getFirst().k(), rank);
    requireShape(b, rank, model.gguf().tensor(tensor).dim(1));
    float scale = alpha == 0 ? 1 : alpha / rank;
    Weights down = down(a, rank);
    for (Weights part : parts) {
      MemorySegment up = up(b, rank, part);
      updates.put(part.name(), new LowRank(down, part.n(), up, scale));
    }
  }

  private int rank(GgufTensor a) {
    long rank = a.rows();
    if (rank < 1 || rank > LowRank.MAX_RANK) {
      throw error(a, "rank", Long.toString(rank), "must be 1 to " + LowRank.MAX_RANK);
    }
    return (int) rank;
  }

  private void requireShape(GgufTensor tensor, long columns, long rows) {
    if (tensor.dim(0) != columns || tensor.dim(1) != rows || tensor.rows() != rows) {
      throw error(
          tensor, "shape", tensor.shape().toString(), "must be [" + columns + ", " + rows + "]");
    }
    if (!TYPES.contains(tensor.type())) {
      throw unsupported(
          "type " + tensor.type() + " of tensor '" + tensor.name() + "'", "supported: " + TYPES);
    }
  }

  private MemorySegment allocate(long bytes) {
    return model
        .executor()
        .allocate(Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT, arena)
        .asSlice(0, bytes);
  }

  private Weights down(GgufTensor a, int rank) {
    int k = Math.toIntExact(a.dim(0));
    MemorySegment data = allocate((long) rank * k * Float.BYTES);
    float[] row = new float[k];
    for (int j = 0; j < rank; j++) {
      readRow(a, j, row);
      MemorySegment.copy(row, 0, data, JAVA_FLOAT, (long) j * k * Float.BYTES, k);
    }
    return new Weights(a.name(), WeightType.F32, Weights.Layout.ROWS, rank, k, data);
  }

  /** Copies the rows of B that belong to a part of a fused tensor. */
  private MemorySegment up(GgufTensor b, int rank, Weights part) {
    TensorRows rows = TensorRows.of(part);
    MemorySegment data = allocate(LowRank.bytes(part.n(), rank));
    float[] row = new float[rank];
    for (int n = 0; n < part.n(); n++) {
      readRow(b, rows.row(n), row);
      for (int j = 0; j < rank; j++) {
        data.setAtIndex(JAVA_FLOAT, LowRank.index(rank, n, j), row[j]);
      }
    }
    return data;
  }

  private void readRow(GgufTensor tensor, long index, float[] row) {
    long first = index * row.length;
    for (int i = 0; i < row.length; i++) {
      row[i] = element(tensor, first + i);
      if (!Float.isFinite(row[i])) {
        throw error(tensor, "element " + (first + i), Float.toString(row[i]), "must be finite");
      }
    }
  }

  private static float element(GgufTensor tensor, long i) {
    MemorySegment data = tensor.data();
    return switch (tensor.type()) {
      case F32 -> data.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
      case F16 -> Float.float16ToFloat(data.getAtIndex(JAVA_SHORT_UNALIGNED, i));
      case BF16 -> Float.intBitsToFloat(data.getAtIndex(JAVA_SHORT_UNALIGNED, i) << Short.SIZE);
      default -> {
        long block = i / GgmlType.Q8_0.blockElements() * GgmlType.Q8_0.blockBytes();
        float d = Float.float16ToFloat(data.get(JAVA_SHORT_UNALIGNED, block));
        yield d * data.get(JAVA_BYTE, block + Short.BYTES + i % GgmlType.Q8_0.blockElements());
      }
    };
  }

  private ModelFileException error(GgufTensor tensor, String what, String value, String limit) {
    return new ModelFileException(
        file.name(), "tensor '" + tensor.name() + "' " + what, value, limit);
  }

  private UnsupportedModelException unsupported(String feature, String alternative) {
    return new UnsupportedModelException(file.name(), feature, alternative);
  }
}
