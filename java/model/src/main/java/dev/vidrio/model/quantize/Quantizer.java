package dev.vidrio.model.quantize;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufWriter;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.formats.gguf.TensorSource;
import dev.vidrio.kernel.ffm.WeightEncoder;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.model.huggingface.HuggingFaceModel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Quantizes or converts a model to a GGUF file.
 *
 * <pre>{@code
 * Quantizer.convert(Path.of("SmolLM2-135M"), Path.of("f16.gguf"), QuantizeOptions.of(FileType.F16));
 * Quantizer.quantize(Path.of("f16.gguf"), Path.of("q4.gguf"), QuantizeOptions.of(FileType.Q4_K_M));
 * }</pre>
 *
 * <p>Tensors are read, encoded on all processors and written one after the other. The file appears
 * under its name only when it is complete; an interrupted run leaves the old file or none. Blocks
 * and the choice of types equal those of llama.cpp, byte for byte.
 */
public final class Quantizer {

  private static final int QUANTIZATION_VERSION = 2;

  private final String source;
  private final QuantizeOptions options;
  private final @Nullable ImportanceMatrix importance;

  private Quantizer(String source, QuantizeOptions options, Arena arena) {
    this.source = source;
    this.options = options;
    Path file = options.importance();
    this.importance = file == null ? null : ImportanceMatrix.open(file, arena);
  }

  /**
   * Quantizes a GGUF file.
   *
   * @param input a GGUF file, or the first part of one
   * @throws ModelFileException if a file cannot be read or written, if the output is the input, or
   *     if a weight is infinite or NaN
   * @throws UnsupportedModelException if a tensor has a type that cannot be decoded
   */
  public static void quantize(Path input, Path output, QuantizeOptions options) {
    requireOther(input, output);
    try (Arena arena = Arena.ofShared()) {
      Gguf gguf = Gguf.open(input, arena);
      List<TensorSource> tensors = gguf.tensors().stream().map(TensorSource::of).toList();
      new Quantizer(gguf.name(), options, arena).write(output, gguf.metadata(), tensors);
    }
  }

  /**
   * Converts a Hugging Face directory to a GGUF file. Vectors become F32.
   *
   * @throws ModelFileException as {@link #quantize} does
   * @throws UnsupportedModelException if the architecture is not supported
   */
  public static void convert(Path directory, Path output, QuantizeOptions options) {
    try (Arena arena = Arena.ofShared()) {
      HuggingFaceModel model = HuggingFaceModel.open(directory, arena);
      Metadata metadata =
          MetadataBuilder.of(model.metadata())
              .string("general.type", "model")
              .build(directory.toString());
      Quantizer quantizer = new Quantizer(directory.toString(), options, arena);
      List<TensorSource> tensors = new ArrayList<>();
      for (TensorSource tensor : model.tensors()) {
        tensors.add(Mix.isMatrix(tensor) ? tensor : quantizer.encoded(tensor, GgmlType.F32));
      }
      quantizer.write(output, metadata, tensors);
    }
  }

  private static void requireOther(Path input, Path output) {
    try {
      if (Files.isSameFile(input, output)) {
        throw new ModelFileException(
            output.toString(), "", "", "is the input: write to another file");
      }
    } catch (NoSuchFileException e) {
      // The output is new, or reading the input will fail.
    } catch (IOException e) {
      throw new ModelFileException(output.toString(), "", "", "cannot be read: " + reason(e), e);
    }
  }

  private void write(Path output, Metadata metadata, List<TensorSource> tensors) {
    List<TensorSource> encoded = new ArrayList<>(tensors.size());
    FileType type = options.type();
    Mix mix = type == null ? null : new Mix(type, metadata, tensors, importance != null);
    for (TensorSource tensor : tensors) {
      if (type == null || mix == null || !Mix.isMatrix(tensor)) {
        encoded.add(tensor);
      } else if (options.isPure()) {
        encoded.add(encoded(tensor, Mix.fitting(type.matrices(), tensor)));
      } else {
        encoded.add(encoded(tensor, mix.typeOf(tensor)));
      }
    }
    try {
      GgufWriter.write(output, keys(metadata, encoded), encoded, options.progress());
    } catch (IOException e) {
      throw new ModelFileException(output.toString(), "", "", "cannot be written: " + reason(e), e);
    }
  }

  private static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "no such directory";
      case AccessDeniedException _ -> "permission denied";
      case FileSystemException other when other.getReason() != null -> other.getReason();
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    };
  }

  private Metadata keys(Metadata metadata, List<TensorSource> tensors) {
    FileType type = options.type();
    MetadataBuilder keys = MetadataBuilder.of(metadata);
    List.of("split.no", "split.count", "split.tensors.count").forEach(keys::remove);
    if (type != null || !metadata.contains("general.file_type")) {
      keys.integer("general.file_type", (type == null ? commonest(tensors) : type).number());
    }
    if (tensors.stream().anyMatch(tensor -> tensor.type().blockElements() > 1)) {
      keys.integer("general.quantization_version", QUANTIZATION_VERSION);
    }
    Path file = options.importance();
    if (importance != null && file != null) {
      keys.string("quantize.imatrix.file", String.valueOf(file.getFileName()))
          .integer("quantize.imatrix.entries_count", importance.entries());
    }
    return keys.build(source);
  }

  /** Returns the file type of the most frequent element type, for a model of floats. */
  private static FileType commonest(List<TensorSource> tensors) {
    Map<GgmlType, Long> elements = new EnumMap<>(GgmlType.class);
    tensors.forEach(tensor -> elements.merge(tensor.type(), tensor.elements(), Long::sum));
    GgmlType commonest =
        elements.entrySet().stream()
            .max(Comparator.comparingLong(Map.Entry::getValue))
            .map(Map.Entry::getKey)
            .orElse(GgmlType.F32);
    return FileType.ofName(commonest.name()).orElse(FileType.F32);
  }

  private TensorSource encoded(TensorSource tensor, GgmlType type) {
    if (tensor.type() == type) {
      return tensor;
    }
    WeightType from = weightType(tensor, tensor.type());
    WeightType to = weightType(tensor, type);
    if (options.type() == FileType.Q2_K_S && type == GgmlType.Q2_K && !isWeighted(tensor)) {
      throw new UnsupportedModelException(
          source,
          "Q2_K_S without the importance of tensor '" + tensor.name() + "'",
          "give a file of llama-imatrix");
    }
    return new TensorSource(
        tensor.name(), type, tensor.shape(), allocator -> encode(tensor, from, to, allocator));
  }

  /** Returns whether a matrix has an importance or needs none: embeddings have no inputs. */
  private boolean isWeighted(TensorSource tensor) {
    return tensor.name().equals("token_embd.weight")
        || tensor.name().equals("output.weight")
        || (importance != null && importance.has(tensor.name()));
  }

  private WeightType weightType(TensorSource tensor, GgmlType type) {
    return WeightType.of(type)
        .orElseThrow(
            () ->
                new UnsupportedModelException(
                    source,
                    "type " + type + " of tensor '" + tensor.name() + "'",
                    "no kernel for it"));
  }

  /** Encodes a tensor matrix by matrix, since stacked experts have separate importances. */
  private MemorySegment encode(
      TensorSource tensor, WeightType from, WeightType to, SegmentAllocator allocator) {
    MemorySegment data = tensor.data(allocator);
    int k = Math.toIntExact(tensor.shape().getFirst());
    long n = tensor.shape().size() > 1 ? tensor.shape().get(1) : 1;
    long matrices = tensor.elements() / k / n;
    MemorySegment target = allocator.allocate(Math.multiplyExact(matrices * n, to.bytes(k)), 64);
    MemorySegment weights =
        importance == null || !to.quantized()
            ? null
            : importance.weights(tensor, allocator).orElse(null);
    for (long m = 0; m < matrices; m++) {
      long fromBytes = n * from.bytes(k);
      long toBytes = n * to.bytes(k);
      long weightBytes = (long) k * Float.BYTES;
      OptionalLong bad =
          WeightEncoder.encode(
              from,
              to,
              n,
              k,
              data.asSlice(m * fromBytes, fromBytes),
              weights == null ? null : weights.asSlice(m * weightBytes, weightBytes),
              target.asSlice(m * toBytes, toBytes));
      if (bad.isPresent()) {
        throw new ModelFileException(
            source,
            "tensor '" + tensor.name() + "' row " + (m * n + bad.getAsLong()),
            "",
            "has an element that is infinite, NaN, or too large for " + to);
      }
    }
    return target;
  }
}
