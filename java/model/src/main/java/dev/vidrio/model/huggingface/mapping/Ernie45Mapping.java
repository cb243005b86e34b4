package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** ERNIE 4.5 without experts and Helium: Llama whose rotary pairs are adjacent already. */
final class Ernie45Mapping implements LayerMapping {
  private final double usualEpsilon;

  /**
   * @param usualEpsilon of norms where the config says nothing
   */
  Ernie45Mapping(double usualEpsilon) {
    this.usualEpsilon = usualEpsilon;
  }

  @Override
  public String architecture() {
    return "ernie4_5";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "ernie4_5");
    Keys.rmsEpsilon(config, out, "ernie4_5", usualEpsilon);
    Rope.requireBase(config);
    Rope.of(config).put(out, "ernie4_5", Keys.headWidth(config));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    LlamaNames.gatedFfn(map, l);
  }
}
