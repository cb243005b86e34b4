package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.memory.FloatTensors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * Reads transcoders of sparsify ({@code SparseCoder.save_to_disk}): TopK of positive values, from
 * the input of a feed-forward block to the output. The name of the directory is that of the block
 * in transformers, {@code layers.3.mlp}.
 */
final class SparsifyFile {
  private static final String WEIGHTS = "sae.safetensors";
  private static final long MAX_BYTES = 1 << 20;
  private static final Pattern BLOCK = Pattern.compile("(?:.*\\.)?(\\d{1,4})\\.mlp");

  private SparsifyFile() {}

  /** Returns whether a directory has such a transcoder. */
  static boolean isIn(Path directory) {
    return FileStatus.exists(directory.resolve(WEIGHTS));
  }

  static SparseAutoencoder read(Lens lens, Path directory) {
    int layer = layer(directory);
    Path config = directory.resolve(SaeLensConfig.FILE);
    JsonNode json = JsonFile.readObject(config, MAX_BYTES);
    require(config, json, "transcode", "true");
    require(config, json, "activation", "topk");
    require(config, json, "embed_skip", "false");
    require(config, json, "gram_lookup", "false");
    JsonNode k = json.path("k");
    String file = directory.resolve(WEIGHTS).toString();
    BlockInput input = BlockInput.of(lens, file, layer, BlockInput.MODULE_INPUT);
    HookPoint out = BlockInput.output(lens, file, layer, BlockInput.MODULE_OUTPUT);
    try (Arena arena = Arena.ofConfined()) {
      Safetensors tensors = Safetensors.open(directory.resolve(WEIGHTS), arena);
      SaeWeights.requireOnly(
          tensors, Set.of("encoder.weight", "encoder.bias", "W_dec", "b_dec", "W_skip"));
      float[][] encoder = FloatTensors.matrix(tensors, "encoder.weight");
      boolean valid = k.isIntegralNumber() && k.canConvertToInt();
      if (!valid || k.intValue() < 1 || k.intValue() > encoder.length) {
        throw new ModelFileException(
            config.toString(), "key 'k'", k.toString(), "must be 1 to " + encoder.length);
      }
      Map<String, float[]> vectors = new LinkedHashMap<>();
      vectors.put("b_enc", FloatTensors.values(tensors, "encoder.bias", encoder.length));
      SaeWeights weights = SaeWeights.ofBlock(lens, tensors, input, encoder, vectors);
      return new SparseAutoencoder(
          lens.model().executor(),
          SaeConfig.transcoder(
              SaeConfig.Activation.TOPK, weights, k.intValue(), input.point().name(), out.name()),
          weights);
    }
  }

  private static int layer(Path directory) {
    String name = Objects.requireNonNullElse(directory.getFileName(), directory).toString();
    Matcher block = BLOCK.matcher(name);
    if (!block.matches()) {
      throw new ModelFileException(
          directory.toString(),
          "name of the directory",
          name,
          "must be that of a feed-forward block, such as layers.3.mlp");
    }
    return Integer.parseInt(block.group(1));
  }

  /** Checks an option; a missing one is as in versions before it, which the default describes. */
  private static void require(Path config, JsonNode json, String key, String supported) {
    String missing = key.equals("transcode") ? "false" : supported;
    String value = json.hasNonNull(key) ? json.get(key).asString() : missing;
    if (!value.equals(supported)) {
      throw new UnsupportedModelException(
          config.toString(), "key '" + key + "' " + value, "supported: " + supported);
    }
  }
}
