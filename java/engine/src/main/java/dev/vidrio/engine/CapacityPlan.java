package dev.vidrio.engine;

import com.sun.management.OperatingSystemMXBean;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import java.lang.management.ManagementFactory;

/** Derives the sizes of an engine from its options, its model and the memory of the machine. */
final class CapacityPlan {
  /** Minimum number of rows of logits of a step. */
  private static final int LOGIT_ROWS = 128;

  /** Checkpoints per sequence, as far as states fit into half of the cache memory. */
  private static final int CHECKPOINTS = 4;

  /** Checkpoints per sequence, as far as states fit into a sixteenth of the cache memory. */
  private static final int SMALL_CHECKPOINTS = 16;

  private CapacityPlan() {}

  /**
   * Returns options that are feasible for a model: with recurrent states, no more sequences than
   * fit into half of the cache memory; for an encoder, no capturing and editing, since it runs no
   * requests of the engine.
   */
  static EngineOptions feasible(Model model, EngineOptions wanted) {
    if (model.architecture().isEncoder()) {
      return wanted.withLens(LensOptions.NONE);
    }
    KvShape shape = model.architecture().kvShape();
    if (!shape.hasStates()) {
      return wanted;
    }
    return wanted.withSequences(slots(shape, wanted, 2, wanted.sequences()));
  }

  /** Returns the number of states that fit into a part of the memory, at most {@code max}. */
  private static int slots(KvShape shape, EngineOptions options, int part, int max) {
    return Math.clamp(cacheBytes(options) / part / shape.bytesPerSequence(), 1, max);
  }

  /** Returns the number of slots for the states of sequences and checkpoints. */
  private static int slots(KvShape shape, EngineOptions options) {
    if (!shape.hasStates()) {
      return 0;
    }
    int held = options.cacheDirectory() == null ? 0 : 1; // by the checkpoint that is being written
    int needed = options.sequences() + held;
    if (!options.prefixCache()) {
      return needed;
    }
    int few = slots(shape, options, 2, (1 + CHECKPOINTS) * options.sequences());
    int many = slots(shape, options, 16, (1 + SMALL_CHECKPOINTS) * options.sequences());
    return Math.max(needed, Math.max(few, many));
  }

  /** Returns the options of the session that runs the steps. */
  static SessionOptions sessionOptions(Model model, EngineOptions options) {
    KvShape shape = model.architecture().kvShape();
    int slots = slots(shape, options);
    long states = Math.multiplyExact(slots, shape.bytesPerSequence());
    // If all layers have recurrent states, blocks are empty.
    long blockBytes = Math.max(1, KvCache.bytes(shape, options.kvType(), 1));
    long blocks = Math.clamp((cacheBytes(options) - states) / blockBytes, 1, Integer.MAX_VALUE);
    return new SessionOptions(options.context(), options.stepTokens(), options.sequences(), 1)
        .withLogits(Math.min(options.stepTokens(), Math.max(LOGIT_ROWS, 2 * options.sequences())))
        .withKvType(options.kvType())
        .withArithmetic(options.arithmetic())
        .withAdapters(options.adapters())
        .withBlocks((int) blocks)
        .withSlots(slots);
  }

  private static long cacheBytes(EngineOptions options) {
    return options.cacheBytes() == 0 ? memory() / 4 : options.cacheBytes();
  }

  /** Returns the memory of the machine, or of the container, in bytes. */
  private static long memory() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
