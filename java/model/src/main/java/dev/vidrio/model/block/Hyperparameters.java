package dev.vidrio.model.block;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.formats.gguf.Metadata;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * The keys of a model file that begin with the name of its architecture, which is left out here:
 * {@code block_count} for {@code llama.block_count}. Remembers which were asked for, so that a key
 * which changes the arithmetic and means nothing to the architecture is refused by its name.
 */
public final class Hyperparameters {

  /** What GGUF has to change the arithmetic of some architecture. */
  private static final List<String> ARITHMETIC =
      List.of(
          "activation_sparsity_scale",
          "altup.num_inputs",
          "attention.clamp_kqv",
          "attention.key_length_mla",
          "attention.key_length_swa",
          "attention.max_alibi_bias",
          "attention.rope_pattern",
          "attention.scale",
          "attention.shared_kv_layers",
          "attention.sliding_window",
          "attention.sliding_window_pattern",
          "attention.temperature_length",
          "attention.temperature_scale",
          "attention.value_scale",
          "attn_logit_softcapping",
          "embedding_length_per_layer_input",
          "embedding_scale",
          "expert_count",
          "expert_gating_func",
          "expert_group_count",
          "expert_shared_count",
          "expert_weights_scale",
          "expert_shared_feed_forward_length",
          "final_logit_softcapping",
          "interleave_moe_layer_step",
          "leading_dense_block_count",
          "logit_scale",
          "moe_latent_size",
          "nextn_predict_layers",
          "residual_scale",
          "rope.dimension_count_swa",
          "rope.dimension_sections",
          "rope.freq_base_swa",
          "rope.scale_linear",
          "rope.scaling.attn_factor",
          "router_logit_softcapping",
          "swiglu_clamp_exp",
          "swiglu_clamp_shexp",
          "use_parallel_residual");

  private static final float MIN_CAP = 1e-6f;

  private final Gguf gguf;
  private final Metadata metadata;
  private final String architecture;
  private final Set<String> read = new HashSet<>();

  public Hyperparameters(Gguf gguf) {
    this.gguf = gguf;
    this.metadata = gguf.metadata();
    this.architecture = metadata.string("general.architecture");
  }

  /** The name in {@code general.architecture}. */
  public String architecture() {
    return architecture;
  }

  /** The key as it is in the file. */
  public String full(String key) {
    return architecture + "." + key;
  }

  /** Whether the file has this key. */
  public boolean has(String key) {
    return metadata.contains(full(key));
  }

  public int intValue(String key, int min, int max) {
    return metadata.intValue(asked(key), min, max);
  }

  public int intValue(String key, int min, int max, int fallback) {
    return metadata.intValue(asked(key), min, max, fallback);
  }

  public float floatValue(String key, float min, float max) {
    return metadata.floatValue(asked(key), min, max);
  }

  public float floatValue(String key, float min, float max, float fallback) {
    return metadata.floatValue(asked(key), min, max, fallback);
  }

  public boolean flag(String key, boolean fallback) {
    return metadata.boolValue(asked(key), fallback);
  }

  /** Reads a key that says nothing to the architecture, whatever its value. */
  public void ignore(String key) {
    asked(key);
  }

  String string(String key, String fallback) {
    return metadata.optionalString(asked(key)).orElse(fallback);
  }

  /** An integer that may also be stored as an array, with one and the same value for each layer. */
  public int uniform(String key, int min, int max) {
    if (!(metadata.entries().get(full(key)) instanceof GgufValue.Array)) {
      return intValue(key, min, max);
    }
    int[] values = metadata.ints(asked(key), min, max);
    if (values.length == 0) {
      throw error(key, "[]", "must not be empty");
    }
    int blocks = intValue("block_count", 1, Integer.MAX_VALUE);
    if (values.length != blocks && values.length != layers(blocks)) {
      throw error(key, Arrays.toString(values), "must be an array of " + layers(blocks));
    }
    for (int value : values) {
      if (value != values[0]) {
        throw unsupported(full(key) + " that differs from layer to layer");
      }
    }
    return values[0];
  }

  /** An integer for each of the layers, or one for all. */
  public List<Integer> perLayer(String key, int layers, int min, int max) {
    if (!(metadata.entries().get(full(key)) instanceof GgufValue.Array)) {
      return Collections.nCopies(layers, intValue(key, min, max));
    }
    int[] values = metadata.ints(asked(key), min, max);
    if (values.length != layers) {
      throw error(key, Arrays.toString(values), "must be an array of " + layers);
    }
    return Arrays.stream(values).boxed().toList();
  }

  /** A number for each of the layers, any value allowed. */
  public float[] floatsPerLayer(String key, int layers) {
    float[] values = metadata.floats(asked(key));
    if (values.length != layers) {
      throw error(key, Arrays.toString(values), "must be an array of " + layers);
    }
    return values;
  }

  /** The factor of attention scores, where the file does not say so 1/√d_h. */
  public float attentionScale(int dH) {
    return floatValue("attention.scale", 1e-6f, 1e6f, (float) (1 / Math.sqrt(dH)));
  }

  /** A magnitude that values have at most; 0 for any. They are divided by it. */
  public float cap(String key, float fallback) {
    float cap = floatValue(key, 0, 1e6f, fallback);
    if (cap != 0 && cap < MIN_CAP) {
      throw error(key, Float.toString(cap), "must be 0, or at least " + MIN_CAP);
    }
    return cap;
  }

  /** The magnitude that queries, keys and values have at most; 0 for any. */
  public float clamp() {
    return cap("attention.clamp_kqv", 0);
  }

  /** Positions that a token attends to where the window slides; 0 for all. */
  public int window(int fallback) {
    return intValue("attention.sliding_window", 0, Integer.MAX_VALUE, fallback);
  }

  /** Positions that a token attends to where the window slides. */
  public int requiredWindow() {
    return intValue("attention.sliding_window", 1, Integer.MAX_VALUE);
  }

  /**
   * In which layers the window slides: as the file says for each, or in all but every {@code
   * period}-th, whose period the file may say too.
   */
  public IntPredicate slidingLayers(int period) {
    return slidingLayers(period, 1);
  }

  /** The same where the first of each period is the layer without a window. */
  public IntPredicate slidingLayersAfterFirst(int period) {
    return slidingLayers(period, 0);
  }

  private IntPredicate slidingLayers(int period, int shift) {
    String key = "attention.sliding_window_pattern";
    if (metadata.entries().get(asked(key)) instanceof GgufValue.Array array) {
      return inLayers(key, array);
    }
    int n = intValue(key, 1, Integer.MAX_VALUE, period);
    return l -> (l + shift) % n != 0;
  }

  /** In which layers the file says yes; in all where it does not have the key. */
  public IntPredicate layers(String key) {
    return metadata.entries().get(asked(key)) instanceof GgufValue.Array array
        ? inLayers(key, array)
        : l -> true;
  }

  /** Some files have 0 and 1, some nothing for blocks that draft tokens. */
  private IntPredicate inLayers(String key, GgufValue.Array array) {
    int blocks = intValue("block_count", 1, Integer.MAX_VALUE);
    int layers = layers(blocks);
    List<Boolean> values = new ArrayList<>();
    for (GgufValue value : array) {
      switch (value) {
        case GgufValue.Bool bool -> values.add(bool.value());
        case GgufValue.Int number when number.value() >> 1 == 0 -> values.add(number.value() == 1);
        default -> throw error(key, array.toString(), "must be an array of bools");
      }
    }
    if (values.size() != blocks && values.size() != layers) {
      throw error(key, array.toString(), "must be an array of " + layers + " bools");
    }
    return values::get;
  }

  /** Returns the number of layers among the file's blocks, of which the last may draft tokens. */
  private int layers(int blocks) {
    return blocks - metadata.intValue(full("nextn_predict_layers"), 0, blocks, 0);
  }

  /** Refuses keys that ask for what the architecture did not read. */
  void finish() {
    if (!flag("attention.causal", true)) {
      throw unsupported(full("attention.causal") + " false");
    }
    for (String key : ARITHMETIC) {
      if (!read.contains(key) && isOn(metadata.entries().get(full(key)))) {
        throw unsupported(full(key));
      }
    }
  }

  private static boolean isOn(@Nullable GgufValue value) {
    return switch (value) {
      case null -> false;
      case GgufValue.Int number -> number.value() != 0;
      case GgufValue.Real number -> number.value() != 0 && number.value() != 1;
      case GgufValue.Bool bool -> bool.value();
      default -> true;
    };
  }

  /** The error that says what is wrong with a key's value. */
  public ModelFileException error(String key, String value, String limit) {
    return metadata.error(full(key), value, limit);
  }

  /** The error for what the file asks for and its architecture does not have here. */
  public UnsupportedModelException unsupported(String what) {
    return new UnsupportedModelException(
        gguf.name(), what, "the architecture " + architecture + " is run without it");
  }

  /** The model file. */
  Gguf gguf() {
    return gguf;
  }

  private String asked(String key) {
    read.add(key);
    return full(key);
  }
}
