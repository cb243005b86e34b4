package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.Map;

/**
 * The text decoder of a multimodal model: a mapping of text models. The configuration of the
 * decoder is an object in that of the whole, and its tensors have a prefix. Tensors of the other
 * parts are ignored.
 */
public final class TextMapping implements Mapping {
  /**
   * Key of the configuration of the decoder; in old configurations its keys are among the others.
   */
  private static final String TEXT = "text_config";

  private static final String TIED = "tie_word_embeddings";

  /** Prefixes of tensor names, and those in a text model. */
  private static final Map<String, String> PREFIXES =
      Map.of(
          "model.language_model.", "model.",
          "language_model.model.", "model.",
          "language_model.lm_head.", "lm_head.");

  /** Prefixes of tensors of other parts. */
  private static final List<String> OTHER_PARTS =
      List.of(
          "audio_tower.",
          "model.audio_tower.",
          "model.embed_audio.",
          "model.embed_vision.",
          "model.multi_modal_projector.",
          "model.vision_tower.",
          "model.visual.",
          "multi_modal_projector.",
          "vision_model.",
          "vision_tower.",
          "visual.");

  private final Mapping text;
  private final MappingSpec.KeyRule more;

  /** Makes the mapping of a multimodal model from that of its text decoder. */
  public TextMapping(Mapping text) {
    this(text, (config, out) -> {});
  }

  /**
   * Makes a mapping with keys of the other parts.
   *
   * @param text mapping of the text model
   * @param more adds keys from the configuration of the whole
   */
  TextMapping(Mapping text, MappingSpec.KeyRule more) {
    this.text = text;
    this.more = more;
  }

  /** Returns the name of a tensor in the text model. */
  @Override
  public String name(String tensor) {
    return PREFIXES.entrySet().stream()
        .filter(prefix -> tensor.startsWith(prefix.getKey()))
        .map(prefix -> prefix.getValue() + tensor.substring(prefix.getKey().length()))
        .findFirst()
        .orElse(tensor);
  }

  /**
   * Returns the configuration of the decoder; whether embeddings are tied is a key of the whole.
   */
  private static Config text(Config config) {
    return config.has(TEXT) ? config.object(TEXT, TIED) : config;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    text.keys(text(config), out);
    more.put(config, out);
  }

  @Override
  public void keysOfTensors(Config config, CheckpointMap map, MetadataBuilder out) {
    text.keysOfTensors(text(config), map, out);
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    OTHER_PARTS.forEach(map::ignoreAll);
    text.tensors(text(config), map);
  }
}
