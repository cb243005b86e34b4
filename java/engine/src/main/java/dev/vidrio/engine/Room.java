package dev.vidrio.engine;

import com.sun.management.OperatingSystemMXBean;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.model.Model;
import dev.vidrio.model.SessionOptions;
import java.lang.management.ManagementFactory;

/** How much an engine has room for, by its options, its model and the memory of the machine. */
final class Room {
  /** Rows of logits of a step, where there are no more sequences than that. */
  private static final int LOGIT_ROWS = 128;

  /** Checkpoints for each sequence that may run, where there is memory for their states. */
  private static final int CHECKPOINTS = 4;

  private Room() {}

  /**
   * What is possible with a model: where it has states, no more sequences run than half of the
   * memory holds the states of.
   */
  static EngineOptions possible(Model model, EngineOptions wanted) {
    KvShape shape = model.architecture().kvShape();
    if (!shape.hasStates()) {
      return wanted;
    }
    return wanted.withSequences(slots(shape, wanted, wanted.sequences()));
  }

  /** Slots for states, at most so many, in half of the memory. */
  private static int slots(KvShape shape, EngineOptions options, int most) {
    return Math.clamp(cacheBytes(options) / 2 / shape.bytesPerSequence(), 1, most);
  }

  /** Slots for the states of all sequences and of checkpoints. */
  private static int slots(KvShape shape, EngineOptions options) {
    if (!shape.hasStates()) {
      return 0;
    }
    int each = options.prefixCache() ? 1 + CHECKPOINTS : 1;
    return Math.max(options.sequences(), slots(shape, options, each * options.sequences()));
  }

  /** The session that runs the steps. */
  static SessionOptions of(Model model, EngineOptions options) {
    KvShape shape = model.architecture().kvShape();
    int slots = slots(shape, options);
    long states = Math.multiplyExact(slots, shape.bytesPerSequence());
    // Where all layers have states, blocks are empty.
    long blockBytes = Math.max(1, KvCache.bytes(shape, options.kvType(), 1));
    long blocks = Math.clamp((cacheBytes(options) - states) / blockBytes, 1, Integer.MAX_VALUE);
    return new SessionOptions(options.context(), options.stepTokens(), options.sequences(), 1)
        .withLogits(Math.min(options.stepTokens(), Math.max(LOGIT_ROWS, 2 * options.sequences())))
        .withKvType(options.kvType())
        .withFast(options.fast())
        .withAdapters(options.adapters())
        .withBlocks((int) blocks)
        .withSlots(slots);
  }

  private static long cacheBytes(EngineOptions options) {
    return options.cacheBytes() == 0 ? memory() / 4 : options.cacheBytes();
  }

  /** Bytes of memory that the machine, or the container, has. */
  private static long memory() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
