package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.Map;

/**
 * The text of a model that also sees or hears: the mapping of a model of text alone, whose config
 * is an object of the whole, and whose tensors have a prefix. What sees and hears is left out.
 */
public class TextMapping implements Mapping {
  /** Where a config has that of the text; old ones have its keys beside the others. */
  private static final String TEXT = "text_config";

  private static final String TIED = "tie_word_embeddings";

  /** What a tensor's name begins with, and what it begins with in a model of text alone. */
  private static final Map<String, String> PREFIXES =
      Map.of(
          "model.language_model.", "model.",
          "language_model.model.", "model.",
          "language_model.lm_head.", "lm_head.");

  /** Tensors of the parts beside the text's. */
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

  /**
   * @param text the mapping of a model of text alone
   */
  public TextMapping(Mapping text) {
    this.text = text;
  }

  /** The name that a tensor has in a model of text alone. */
  @Override
  public String name(String tensor) {
    return PREFIXES.entrySet().stream()
        .filter(prefix -> tensor.startsWith(prefix.getKey()))
        .map(prefix -> prefix.getValue() + tensor.substring(prefix.getKey().length()))
        .findFirst()
        .orElse(tensor);
  }

  /** The unembedding belongs to the whole, and so does what says whether it is the embedding. */
  private static Config text(Config config) {
    return config.has(TEXT) ? config.object(TEXT, TIED) : config;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    text.keys(text(config), out);
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
