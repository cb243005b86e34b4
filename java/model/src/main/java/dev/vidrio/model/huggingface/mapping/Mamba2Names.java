package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import tools.jackson.databind.JsonNode;

/**
 * Keys and tensors of Mamba 2 layers.
 *
 * @param groups groups of heads that share keys and queries
 * @param heads H
 * @param dHead elements of a head
 * @param dState elements of a key
 * @param taps tokens that the convolution reads
 */
public record Mamba2Names(int groups, int heads, int dHead, int dState, int taps) {
  private static final String STEPS = "time_step_limit";
  private static final int MAX_HEADS = 4096;
  private static final int MAX_TAPS = 64;

  /** Names of dimensions in a configuration. */
  public record Spelling(String groups, String heads, String dState, String taps) {}

  private static final String HEADS = "mamba_n_heads";
  private static final Spelling USUAL =
      new Spelling("mamba_n_groups", HEADS, "mamba_d_state", "mamba_d_conv");

  /** Reads the sizes of a config that has all of them. */
  public static Mamba2Names of(Config config, Spelling spelling, int dHead) {
    int groups = config.integer(spelling.groups, 1, MAX_HEADS);
    int heads = config.integer(spelling.heads, 1, MAX_HEADS);
    if (heads % groups != 0) {
      throw config.error(
          spelling.heads,
          Integer.toString(heads),
          "must be a multiple of " + spelling.groups + " " + groups);
    }
    int dState = config.integer(spelling.dState, 1, KvShape.HEAD_MAX);
    int taps = config.integer(spelling.taps, 1, MAX_TAPS);
    return new Mamba2Names(groups, heads, dHead, dState, taps);
  }

  /**
   * Reads the dimensions of a configuration with the usual names.
   *
   * @param width elements of all heads
   */
  public static Mamba2Names ofWidth(Config config, int width) {
    int heads = config.size(HEADS);
    if (width % heads != 0) {
      throw config.error(HEADS, Integer.toString(heads), "must divide " + width);
    }
    int dHead = width / heads;
    config.require(
        "mamba_d_head",
        value -> value.asString("").equals("auto") || value.asInt(0) == dHead,
        "must be " + dHead);
    return of(config, USUAL, dHead);
  }

  /** Returns the elements of all heads. */
  public int width() {
    return heads * dHead;
  }

  /** Returns the elements of the keys of all groups. */
  public int keyWidth() {
    return groups * dState;
  }

  /** Adds the dimensions, and rejects what GGUF cannot express. */
  public void keys(Config config, MetadataBuilder out) {
    config.requireOff("mamba_proj_bias");
    config.require(STEPS, Mamba2Names::isUnlimited, "must be [0, Infinity]");
    out.integer("ssm.conv_kernel", taps)
        .integer("ssm.state_size", dState)
        .integer("ssm.group_count", groups)
        .integer("ssm.inner_size", width())
        .integer("ssm.time_step_rank", heads);
  }

  /**
   * Returns whether steps are unlimited; some versions of transformers write infinities as objects.
   */
  private static boolean isUnlimited(JsonNode limits) {
    JsonNode most = limits.path(1);
    return limits.path(0).asDouble(-1) == 0
        && (most.path("__float__").asString("").equals("Infinity")
            || most.asDouble(0) == Double.POSITIVE_INFINITY);
  }

  /** Takes the tensors of a module. */
  public void tensors(TensorMap module) {
    module.take("in_proj.weight", "ssm_in.weight");
    states(module);
    norm(module);
    module.take("out_proj.weight", "ssm_out.weight");
  }

  /** Takes the norm before the last projection. */
  public void norm(TensorMap module) {
    module.take("norm.weight", "ssm_norm.weight", Layout.folded(groups, width() / groups));
  }

  /** Takes what is between the first projection and the norm. */
  public void states(TensorMap module) {
    int channels = width() + 2 * keyWidth();
    module.take("conv1d.weight", "ssm_conv1d.weight", Layout.kernels(channels));
    module.takeOptional("conv1d.bias", "ssm_conv1d.bias");
    module.take("dt_bias", "ssm_dt.bias");
    module.take("A_log", "ssm_a", Layout.rates(heads));
    module.take("D", "ssm_d", Layout.folded(heads, 1));
  }
}
