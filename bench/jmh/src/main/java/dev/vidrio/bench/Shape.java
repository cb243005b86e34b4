package dev.vidrio.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The widths of a real model, from {@code bench/shapes/<model>.json}.
 *
 * @param d model width
 * @param heads H, query heads
 * @param kvHeads H_kv, key-value heads
 * @param dH d_h, head width
 * @param dFfn d_ffn, width of the feed-forward block
 * @param vocabulary V, number of tokens
 * @param ropeBase base of the rotation's frequencies
 */
record Shape(
    @JsonProperty(value = "d", required = true) int d,
    @JsonProperty(value = "H", required = true) int heads,
    @JsonProperty(value = "H_kv", required = true) int kvHeads,
    @JsonProperty(value = "d_h", required = true) int dH,
    @JsonProperty(value = "d_ffn", required = true) int dFfn,
    @JsonProperty(value = "V", required = true) int vocabulary,
    @JsonProperty(value = "rope_base", required = true) double ropeBase) {

  /**
   * Returns the shape of a model.
   *
   * @param model a file of {@code bench/shapes} without {@code .json}
   * @throws IllegalArgumentException if there is no such file
   */
  static Shape of(String model) {
    try (InputStream in = Shape.class.getResourceAsStream("/shapes/" + model + ".json")) {
      if (in == null) {
        throw new IllegalArgumentException("model " + model + ": not found in bench/shapes");
      }
      return JsonMapper.shared().readValue(in, Shape.class);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the width of all query heads. */
  int qWidth() {
    return heads * dH;
  }

  /** Returns the width of all key heads, which is that of all value heads. */
  int kvWidth() {
    return kvHeads * dH;
  }
}
