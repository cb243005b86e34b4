package dev.vidrio.lens.decode;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Reads a directory of the package tuned-lens, of versions 0.1 and 0.2. */
final class TunedLensDirectory {
  private static final long MAX_BYTES = 1 << 20;
  private static final String TYPE = "linear_tuned_lens";

  private TunedLensDirectory() {}

  static TunedLens load(Lens lens, Path directory) {
    Path config = directory.resolve("config.json");
    JsonNode json = JsonFile.readObject(config, MAX_BYTES);
    int d = lens.model().architecture().width();
    int layers = lens.model().architecture().layers();
    String type = json.path("lens_type").asString(TYPE);
    if (!type.equals(TYPE)) {
      throw new UnsupportedModelException(
          config.toString(), "key 'lens_type' " + type, "supported: " + TYPE);
    }
    requireEqual(config, json, "d_model", d);
    requireEqual(config, json, "num_hidden_layers", layers);
    Path params = directory.resolve("params.safetensors");
    if (!FileStatus.exists(params) && FileStatus.exists(directory.resolve("params.pt"))) {
      TunedLens.requireNoPickle(
          directory.resolve("params.pt"), "torch.load('params.pt', weights_only=True)");
    }
    Map<HookPoint, float[][]> translators = new LinkedHashMap<>();
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(params, arena);
      for (int i = 0; i < layers; i++) {
        float[][] translator = TunedLens.translator(file, Integer.toString(i), d);
        if (i > 0) {
          translators.put(new HookPoint(HookSite.RESID_POST, i - 1), translator);
        }
        translators.put(new HookPoint(HookSite.RESID_PRE, i), translator);
      }
    }
    return new TunedLens(translators, 0);
  }

  private static void requireEqual(Path config, JsonNode json, String key, int expected) {
    int value = json.path(key).asInt(-1);
    if (value != expected) {
      throw new ModelFileException(
          config.toString(),
          key,
          json.path(key).toString(),
          "must be " + expected + ", the model's");
    }
  }
}
