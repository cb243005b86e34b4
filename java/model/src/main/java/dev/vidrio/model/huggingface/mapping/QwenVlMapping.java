package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.Arrays;

/**
 * The text decoders of Qwen2-VL, Qwen2.5-VL and Qwen3-VL. Two keys of how images are read are
 * irrelevant for text, but other programs reject files without them.
 */
public final class QwenVlMapping {
  private static final String SECTIONS = "mrope_section";
  private static final String DEEPSTACK = "deepstack_visual_indexes";
  private static final int MAX_SECTIONS = 4;

  private QwenVlMapping() {}

  /** Returns the mapping of Qwen2-VL and Qwen2.5-VL. */
  public static Mapping withoutDeepstack(MappingSpec text) {
    return new TextMapping(text.keys(QwenVlMapping::sections));
  }

  /** Returns the mapping of Qwen3-VL, which feeds image features into several layers. */
  public static Mapping withDeepstack(MappingSpec text) {
    return new TextMapping(text.keys(QwenVlMapping::sections), QwenVlMapping::deepstack);
  }

  private static void deepstack(Config config, MetadataBuilder out) {
    Config vision = config.object("vision_config");
    int layers = vision.has(DEEPSTACK) ? vision.integers(DEEPSTACK).length : 0;
    out.integer("n_deepstack_layers", layers);
  }

  private static void sections(Config text, MetadataBuilder out) {
    sections(text, out, new int[0]);
  }

  /**
   * Adds the number of RoPE pairs of each position axis, if there is one.
   *
   * @param usual the numbers unless the configuration has them
   */
  static void sections(Config text, MetadataBuilder out, int... usual) {
    Config rope = text.object(text.firstOf("rope_parameters", "rope_scaling"));
    int[] sections = rope.has(SECTIONS) ? rope.integers(SECTIONS) : usual;
    if (sections.length > MAX_SECTIONS) {
      throw rope.error(SECTIONS, sections.length + " sections", "must be at most " + MAX_SECTIONS);
    }
    if (sections.length > 0) {
      out.integers("rope.dimension_sections", Arrays.copyOf(sections, MAX_SECTIONS));
    }
  }
}
