package dev.vidrio.model.testfiles;

import dev.vidrio.kernel.Batch;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Runs plans and holds their steps while a test requests it, so that an answer takes as long as the
 * test needs.
 *
 * <p>A held step continues when its thread is woken, and then the next one is held. The scheduling
 * thread of an engine is woken by a submitted or canceled request and by closing the engine, so
 * these take effect without a release.
 */
public class HeldExecutor extends WatchedExecutor {
  private static final int ALL = Integer.MAX_VALUE;

  private final AtomicInteger free = new AtomicInteger(ALL);
  private volatile CountDownLatch held = new CountDownLatch(1);
  private volatile @Nullable Thread holding;

  public HeldExecutor() {}

  /** Opens a model with this executor. */
  public final Model open(Path file) {
    return Model.open(file, ModelOptions.with(() -> this));
  }

  /** Holds all steps after the first ones. */
  public final void hold(int first) {
    held = new CountDownLatch(1);
    free.set(first);
  }

  /** Waits until a step is held. */
  public final void awaitHeld() throws InterruptedException {
    held.await();
  }

  /** Releases held steps. */
  public final void release() {
    free.set(ALL);
    LockSupport.unpark(holding);
  }

  /** A step begins with the first operation; the top-k search runs separately. */
  @Override
  protected void onRun(Batch batch, int begin, int end) {
    if (begin == 0 && free.getAndUpdate(HeldExecutor::afterOne) == 0) {
      holding = Thread.currentThread(); // before the look at what release() sets
      held.countDown();
      if (free.get() == 0) {
        LockSupport.park(this);
      }
    }
  }

  private static int afterOne(int steps) {
    return steps == ALL ? ALL : Math.max(0, steps - 1);
  }
}
