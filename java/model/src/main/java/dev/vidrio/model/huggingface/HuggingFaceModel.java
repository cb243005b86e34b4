package dev.vidrio.model.huggingface;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.formats.gguf.TensorSource;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.huggingface.checkpoint.Checkpoint;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.mapping.Mapping;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a Hugging Face model directory as the keys and tensors that a GGUF file of the same model
 * has.
 *
 * <pre>{@code
 * try (Arena arena = Arena.ofShared()) {
 *   Gguf gguf = HuggingFaceModel.open(Path.of("SmolLM2-135M"), arena).toGguf(arena);
 * }
 * }</pre>
 *
 * <p>Weights are F32, F16, BF16 or MXFP4 and stay in the mapped files if GGUF has the same layout.
 *
 * @param metadata the model's keys as a GGUF file has them
 * @param tensors the model's tensors as a GGUF file has them, each made when it is asked for
 */
public record HuggingFaceModel(Metadata metadata, List<TensorSource> tensors) {

  private static final String CONFIG = "config.json";
  private static final long MAX_CONFIG_BYTES = 4L << 20;

  /** Copies the list. */
  public HuggingFaceModel {
    tensors = List.copyOf(tensors);
  }

  /**
   * Opens a directory with a {@code config.json} and {@code *.safetensors}.
   *
   * @param arena closes the mapped files
   * @throws ModelFileException if a file is missing, damaged or contradicts another
   * @throws dev.vidrio.error.UnsupportedModelException if the architecture or a feature of it is
   *     not supported
   */
  public static HuggingFaceModel open(Path directory, Arena arena) {
    String name = directory.toString();
    if (!FileStatus.isDirectory(directory)) {
      String what = FileStatus.exists(directory) ? "is not a directory" : "no such directory";
      throw new ModelFileException(name, "", "", what);
    }
    Path file = directory.resolve(CONFIG);
    Config config = new Config(file.toString(), JsonFile.readObject(file, MAX_CONFIG_BYTES));
    config.require(
        "quantization_config",
        value -> value.path("quant_method").asString("").equals("mxfp4"),
        "weights must be F32, F16, BF16 or MXFP4");
    Catalog.MappedArchitecture mapped = Catalog.of(config);
    String architecture = mapped.architecture();
    Mapping mapping = mapped.mapping();
    var map = new CheckpointMap(name, named(name, mapping, Checkpoint.open(directory, arena)));
    MetadataBuilder out = new MetadataBuilder();
    out.string("general.architecture", architecture);
    Path last = directory.toAbsolutePath().normalize().getFileName();
    if (last != null) {
      out.string("general.name", last.toString());
    }
    mapping.keys(config, out.scope(architecture + "."));
    mapping.keysOfTensors(config, map, out);
    mapping.tensors(config, map);
    List<TensorSource> tensors = new ArrayList<>(map.finish());
    tensors.addAll(SentenceModules.put(directory, architecture, arena, out));
    TokenizerFiles.put(directory, embeddings(tensors), out);
    return new HuggingFaceModel(out.build(name), tensors);
  }

  /** Returns the tensors of a checkpoint by their names in a mapping. */
  private static Map<String, SafetensorsTensor> named(
      String directory, Mapping mapping, Map<String, SafetensorsTensor> checkpoint) {
    Map<String, SafetensorsTensor> named = new LinkedHashMap<>();
    checkpoint.forEach(
        (name, tensor) -> {
          if (named.putIfAbsent(mapping.name(name), tensor) != null) {
            throw new ModelFileException(
                directory, "tensor '" + name + "'", "", "is there twice, as " + mapping.name(name));
          }
        });
    return named;
  }

  /** Returns the number of rows of the embedding. */
  private static long embeddings(List<TensorSource> tensors) {
    return tensors.stream()
        .filter(tensor -> tensor.name().equals("token_embd.weight"))
        .mapToLong(tensor -> tensor.shape().size() == 2 ? tensor.shape().getLast() : 0)
        .findFirst()
        .orElse(0);
  }

  /**
   * Returns the model as if it had been read from a GGUF file.
   *
   * @param arena holds the tensors with a different layout
   */
  public Gguf toGguf(Arena arena) {
    return Gguf.of(metadata, tensors, arena);
  }
}
