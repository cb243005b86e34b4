package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.Arrays;

/**
 * The text of Qwen2-VL, Qwen2.5-VL and Qwen3-VL. The two keys of how pictures are read mean nothing
 * to text, but other programs refuse files without them.
 */
final class QwenVlMapping implements Mapping {
  private static final String SECTIONS = "mrope_section";
  private static final String DEEPSTACK = "deepstack_visual_indexes";
  private static final int MAX_SECTIONS = 4;

  private final TextMapping text;

  /**
   * @param architecture {@code qwen2vl}, {@code qwen3vl} or {@code qwen3vlmoe}
   */
  QwenVlMapping(String architecture) {
    this.text = new TextMapping(new QwenMapping(architecture));
  }

  @Override
  public String architecture() {
    return text.architecture();
  }

  @Override
  public String name(String tensor) {
    return text.name(tensor);
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    text.keys(config, out);
    Config own = config.has("text_config") ? config.object("text_config") : config;
    sections(own, out, architecture());
    if (!architecture().equals("qwen2vl")) {
      Config eyes = config.object("vision_config");
      int layers = eyes.has(DEEPSTACK) ? eyes.integers(DEEPSTACK).length : 0;
      out.integer(architecture() + ".n_deepstack_layers", layers);
    }
  }

  /**
   * Puts how many pairs of a head turn by each of a place's positions, where the config says so.
   *
   * @param usual where it does not
   */
  static void sections(Config text, MetadataBuilder out, String architecture, int... usual) {
    Config rope = text.object(text.firstOf("rope_parameters", "rope_scaling"));
    int[] sections = rope.has(SECTIONS) ? rope.integers(SECTIONS) : usual;
    if (sections.length > MAX_SECTIONS) {
      throw rope.error(SECTIONS, sections.length + " sections", "must be at most " + MAX_SECTIONS);
    }
    if (sections.length > 0) {
      out.integers(
          architecture + ".rope.dimension_sections", Arrays.copyOf(sections, MAX_SECTIONS));
    }
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    text.tensors(config, map);
  }
}
