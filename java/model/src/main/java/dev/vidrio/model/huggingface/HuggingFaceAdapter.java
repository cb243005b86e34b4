package dev.vidrio.model.huggingface;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.huggingface.checkpoint.Checkpoint;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.mapping.Mapping;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Reads a low-rank adapter (LoRA: Hu et al. 2021, arXiv 2106.09685) saved by PEFT ({@code
 * adapter_config.json} and {@code adapter_model.safetensors}) as if it were a GGUF file.
 *
 * <p>GGUF has one {@code adapter.lora.alpha}. If matrices have scales that it cannot express (other
 * ranks under rsLoRA, arXiv 2312.03732, or patterns of alphas), their factors B are scaled in f32.
 */
public final class HuggingFaceAdapter {
  private static final String CONFIG = "adapter_config.json";
  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final String PREFIX = "base_model.model.";
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";
  private static final long MAX_CONFIG_BYTES = 4L << 20;

  private HuggingFaceAdapter() {}

  /**
   * Opens a directory.
   *
   * @param model model of the adapter
   * @param arena closes the mapped file and holds the tensors with a different layout
   * @throws ModelFileException if a file is missing, damaged or contradicts the other
   * @throws dev.vidrio.error.UnsupportedModelException if the adapter uses an unsupported feature
   */
  public static Gguf open(Path directory, Gguf model, Arena arena) {
    Path file = directory.resolve(CONFIG);
    Config config = new Config(file.toString(), JsonFile.readObject(file, MAX_CONFIG_BYTES));
    String architecture = model.metadata().string("general.architecture");
    Mapping mapping = Catalog.ofAdapter(architecture, file.toString());
    ProjectionMap projections = new ProjectionMap();
    mapping.tensors(ModelConfig.of(model), projections);
    Path weights = directory.resolve(WEIGHTS);
    var map =
        new CheckpointMap(weights.toString(), Checkpoint.tensors(Safetensors.open(weights, arena)));
    double alpha = take(new AdapterConfig(config), projections, map);
    MetadataBuilder out =
        new MetadataBuilder()
            .string("general.architecture", architecture)
            .string("general.type", "adapter")
            .string("adapter.type", "lora")
            .real("adapter.lora.alpha", alpha);
    return Gguf.of(out.build(directory.toString()), map.finish(), arena);
  }

  /** Takes the factors of all projections, and returns alpha. */
  private static double take(AdapterConfig config, ProjectionMap projections, CheckpointMap map) {
    double alpha = 0;
    for (Map.Entry<String, ProjectionMap.Projection> entry : projections.projections().entrySet()) {
      String module = entry.getKey();
      String to = entry.getValue().tensor();
      Layout.RowOrder order = entry.getValue().order();
      String a = PREFIX + module + A;
      String b = PREFIX + module + B;
      if (map.has(a) || map.has(b)) {
        int rank = map.requireMatrix(a, config.rank(module), 0);
        int rows = map.requireMatrix(b, order.rows(), rank);
        double own = config.alpha(module, rank);
        alpha = alpha == 0 ? own : alpha;
        map.take(a, to + ".lora_a");
        // PEFT adds the model's own weights of unembeddings that it adapts.
        map.ignore(PREFIX + module + ".base_layer.weight");
        map.take(b, to + ".lora_b", layout(rows, order.source(), own / alpha));
      }
    }
    return alpha;
  }

  private static Layout layout(int rows, @Nullable IntUnaryOperator source, double factor) {
    if (factor != 1) {
      return Layout.times(factor, source);
    }
    return source == null ? Layout.AS_IS : Layout.rows(rows, source);
  }
}
