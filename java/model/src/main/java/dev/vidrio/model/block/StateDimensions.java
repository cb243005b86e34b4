package dev.vidrio.model.block;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;

/** Reads the dimensions of recurrences, which have the keys of state space models. */
final class StateDimensions {
  private static final String HEADS = "ssm.time_step_rank";
  private static final String WIDTH = "ssm.inner_size";
  private static final int MAX_HEADS = 4096;

  private StateDimensions() {}

  /** Reads what a layer keeps of a sequence. */
  static KvShape.Recurrent read(Hyperparameters params) {
    int keyHeads = params.intValue("ssm.group_count", 1, MAX_HEADS);
    int heads = params.intValue(HEADS, 1, MAX_HEADS);
    if (heads % keyHeads != 0) {
      throw params.error(
          HEADS,
          Integer.toString(heads),
          "must be a multiple of " + params.full("ssm.group_count") + " " + keyHeads);
    }
    int width = params.intValue(WIDTH, 1, ModelDimensions.MAX_WIDTH);
    if (width % heads != 0 || width / heads > KvShape.HEAD_MAX) {
      throw params.error(
          WIDTH,
          Integer.toString(width),
          "must be that of " + heads + " heads of at most " + KvShape.HEAD_MAX + " elements");
    }
    int dK = params.intValue("ssm.state_size", 1, KvShape.HEAD_MAX);
    int taps = params.intValue("ssm.conv_kernel", 1, KvCache.BLOCK);
    return new KvShape.Recurrent(keyHeads, heads, dK, width / heads, taps);
  }
}
