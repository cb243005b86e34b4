package dev.vidrio.formats.testfiles;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The embedded model's files and its gold outputs, computed in double precision by others. */
public final class BardFiles {
  private BardFiles() {}

  /** The F32 model. */
  public static Path f32() {
    return file("bard-f32.gguf");
  }

  /** The Q8_0 model, as it is embedded. */
  public static Path q8() {
    return Path.of("../bard/src/main/resources/dev/vidrio/bard/bard-q8_0.gguf");
  }

  /** Tokens, activations and logits of one text; {@code f32} or {@code q8_0}. */
  public static SafetensorsFile gold(String type) {
    try {
      return SafetensorsFile.read(file("bard-gold-" + type + ".safetensors"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * An activation of the gold in our order. Its {@code hook_z} and rotated queries and keys say [n,
   * H, d_h], but lie as [H, n, d_h]: only so is z the product of its own patterns and values.
   */
  public static float[] activation(SafetensorsFile gold, String name) {
    float[] values = gold.floats(name);
    if (!name.matches(".*hook_(z|rot_q|rot_k)")) {
      return values;
    }
    int n = gold.shape(name).get(0).intValue();
    int heads = gold.shape(name).get(1).intValue();
    int dH = gold.shape(name).get(2).intValue();
    var ours = new float[values.length];
    for (int h = 0; h < heads; h++) {
      for (int i = 0; i < n; i++) {
        System.arraycopy(values, (h * n + i) * dH, ours, (i * heads + h) * dH, dH);
      }
    }
    return ours;
  }

  /** Greedy continuation with the margin between the two best tokens at each step. */
  public static JsonNode greedy(String type) {
    return JsonMapper.shared().readTree(file("bard-greedy-" + type + ".json").toFile());
  }

  /** Tests run in the directory of their module, beside that of this one. */
  private static Path file(String name) {
    return Path.of("../model/src/test/resources/bard", name);
  }
}
