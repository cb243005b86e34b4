package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;

/** BitNet b1.58, whose weights are as they are: those that are to be made ternary are refused. */
final class BitnetMapping implements LayerMapping {
  private static final String ACTIVATION = "hidden_act";
  private static final BitnetMapping FIRST = new BitnetMapping("bitnet");
  private static final BitnetMapping B2_4T = new BitnetMapping("bitnet-b1.58");

  /** Those of both architectures. */
  static final List<Mapping> BOTH = List.of(FIRST, B2_4T);

  private final String architecture;

  private BitnetMapping(String architecture) {
    this.architecture = architecture;
  }

  /** The file format has an architecture for each activation. */
  static Mapping of(Config config) {
    config.requireOneOf(ACTIVATION, "relu2", "silu");
    return config.string(ACTIVATION, "relu2").equals("silu") ? FIRST : B2_4T;
  }

  @Override
  public String architecture() {
    return architecture;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    Keys.sizes(config, out, architecture);
    Keys.rmsEpsilon(config, out, architecture, 1e-5);
    Rope.requireBase(config);
    Rope.of(config).put(out, architecture, Keys.headWidth(config));
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    String from = LlamaNames.from(l);
    String to = LlamaNames.to(l);
    LlamaNames.norms(map, l);
    LlamaNames.attention(map, l);
    LlamaNames.gatedFfn(map, l);
    map.take(from + "self_attn.attn_sub_norm.weight", to + "attn_sub_norm.weight");
    map.take(from + "mlp.ffn_sub_norm.weight", to + "ffn_sub_norm.weight");
  }
}
