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
 * Runs plans, and holds their steps while a test asks for it, so that an answer goes on for as long
 * as the test has something to do meanwhile, however slow it is.
 *
 * <p>A step is held until its thread is woken, then the next one is. An engine's thread is woken by
 * a request that is handed over or canceled, and by the engine's end: so that these are seen, and
 * nothing has to be released for them.
 */
public class HeldExecutor extends WatchedExecutor {
  private static final int ALL = Integer.MAX_VALUE;

  private final AtomicInteger free = new AtomicInteger(ALL);
  private volatile CountDownLatch held = new CountDownLatch(1);
  private volatile @Nullable Thread holding;

  public HeldExecutor() {}

  /** Opens a model whose steps this runs. */
  public final Model open(Path file) {
    return Model.open(file, ModelOptions.with(() -> this));
  }

  /** Holds all steps but for so many that come first. */
  public final void hold(int first) {
    held = new CountDownLatch(1);
    free.set(first);
  }

  /** Waits until a step is held. */
  public final void awaitHeld() throws InterruptedException {
    held.await();
  }

  /** Holds no step any more. */
  public final void release() {
    free.set(ALL);
    LockSupport.unpark(holding);
  }

  /** Steps begin with the first operation; the search for candidates comes last, by itself. */
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
