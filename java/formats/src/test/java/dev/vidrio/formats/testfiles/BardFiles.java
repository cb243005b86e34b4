package dev.vidrio.formats.testfiles;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The embedded model's files and its reference outputs, computed in double precision by an
 * independent implementation.
 */
public final class BardFiles {
  private BardFiles() {}

  /** The F32 model. */
  public static Path f32() {
    return file("bard-f32.gguf");
  }

  /** The embedded Q8_0 model. */
  public static Path q8() {
    return Path.of("../bard/src/main/resources/dev/vidrio/bard/bard-q8_0.gguf");
  }

  /** Reads the tokens, activations and logits of one text. */
  public static SafetensorsFile gold(String type) {
    try {
      return SafetensorsFile.read(file("bard-gold-" + type + ".safetensors"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Returns a reference activation in this project's layout. The file declares {@code hook_z} and
   * rotated queries and keys as [n, H, d_h] but stores them as [H, n, d_h]; only then is z the
   * product of the stored patterns and values.
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

  /** Reads the greedy continuation, with the margin between the two best tokens at each step. */
  public static JsonNode greedy(String type) {
    return JsonMapper.shared().readTree(file("bard-greedy-" + type + ".json").toFile());
  }

  /** Reads texts with their token ids. */
  public static JsonNode tokens() {
    return JsonMapper.shared().readTree(file("bard-tokens.json").toFile());
  }

  /**
   * Resolves a resource of java/formats relative to the working directory, which is the tested
   * module's.
   */
  private static Path file(String name) {
    return Path.of("../formats/src/test/resources/bard", name);
  }
}
