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
 * The keys of a model file in the scope of its architecture: {@code block_count} for {@code
 * llama.block_count}. Records which keys were read, so that keys that change the arithmetic and
 * that the architecture does not support are rejected by name.
 */
public final class Hyperparameters {

  /** Keys that change the arithmetic of some architecture. */
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
  private final ModelVariant variant;
  private final Set<String> read = new HashSet<>();

  /** Reads the keys of a file. */
  public Hyperparameters(Gguf gguf) {
    this(gguf, ModelVariant.STANDARD);
  }

  /**
   * Reads the keys of a file.
   *
   * @param variant choices that the file leaves open
   */
  public Hyperparameters(Gguf gguf, ModelVariant variant) {
    this.gguf = gguf;
    this.variant = variant;
    this.metadata = gguf.metadata();
    this.architecture = metadata.string("general.architecture");
  }

  /** Returns the value of {@code general.architecture}. */
  public String architecture() {
    return architecture;
  }

  /** Returns the key as it is in the file. */
  public String full(String key) {
    return architecture + "." + key;
  }

  /** Returns whether the file has a key. */
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

  /** Ignores a key that is irrelevant for the architecture. */
  public void ignore(String key) {
    asked(key);
  }

  String string(String key, String fallback) {
    return metadata.optionalString(asked(key)).orElse(fallback);
  }

  /** Returns an integer that may be stored as an array of equal values, one per layer. */
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

  /** Returns an integer per layer; the file may have one for all. */
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

  /** Returns a number per layer, of any value. */
  public float[] floatsPerLayer(String key, int layers) {
    float[] values = metadata.floats(asked(key));
    if (values.length != layers) {
      throw error(key, Arrays.toString(values), "must be an array of " + layers);
    }
    return values;
  }

  /** Returns an array of integers from {@code min} to {@code max}. */
  List<Integer> ints(String key, int min, int max) {
    return Arrays.stream(metadata.ints(asked(key), min, max)).boxed().toList();
  }

  /** Returns the factor of attention scores, 1/√d_h by default. */
  public float attentionScale(int dH) {
    return floatValue("attention.scale", 1e-6f, 1e6f, (float) (1 / Math.sqrt(dH)));
  }

  /** Returns a cap, 0 for none, that values are divided by. */
  public float cap(String key, float fallback) {
    float cap = floatValue(key, 0, 1e6f, fallback);
    if (cap != 0 && cap < MIN_CAP) {
      throw error(key, Float.toString(cap), "must be 0, or at least " + MIN_CAP);
    }
    return cap;
  }

  /** Returns the largest magnitude of queries, keys and values; 0 for no limit. */
  public float clamp() {
    return cap("attention.clamp_kqv", 0);
  }

  /** Returns the length of the sliding window; 0 for none. */
  public int window(int fallback) {
    return intValue("attention.sliding_window", 0, Integer.MAX_VALUE, fallback);
  }

  /** Returns the length of the sliding window, which the file must have. */
  public int requiredWindow() {
    return intValue("attention.sliding_window", 1, Integer.MAX_VALUE);
  }

  /**
   * Returns the layers with a sliding window: the file's array, or all except each {@code
   * period}-th, where the file may have another period.
   */
  public IntPredicate slidingLayers(int period) {
    return slidingLayers(period, 1);
  }

  /** Returns the layers with a sliding window, where the first layer of each period has none. */
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

  /** Returns the layers for which the file's array has true; all if it has no such array. */
  public IntPredicate layers(String key) {
    return metadata.entries().get(asked(key)) instanceof GgufValue.Array array
        ? inLayers(key, array)
        : l -> true;
  }

  /** Accepts arrays of 0 and 1, and arrays without the draft blocks. */
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

  /** Returns the number of layers among the file's blocks; the last blocks may draft tokens. */
  private int layers(int blocks) {
    return blocks - metadata.intValue(full("nextn_predict_layers"), 0, blocks, 0);
  }

  /** Returns the source of the model's draft block. */
  public DraftSource drafts() {
    return variant.drafts();
  }

  /** Returns whether latent attention caches latent vectors instead of keys and values. */
  public boolean hasLatentCache() {
    return variant.latentCache();
  }

  /** Rejects keys that change the arithmetic and that were not read. */
  void finish() {
    if (!read.contains("attention.causal") && !flag("attention.causal", true)) {
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

  /** Returns the error for an invalid value of a key. */
  public ModelFileException error(String key, String value, String limit) {
    return metadata.error(full(key), value, limit);
  }

  /** Returns the error for what the architecture does not support. */
  public UnsupportedModelException unsupported(String what) {
    return new UnsupportedModelException(gguf.name(), what, "architecture " + architecture);
  }

  /** Returns the model file. */
  Gguf gguf() {
    return gguf;
  }

  private String asked(String key) {
    read.add(key);
    return full(key);
  }
}
