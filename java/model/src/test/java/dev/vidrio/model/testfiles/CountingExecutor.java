package dev.vidrio.model.testfiles;

import dev.vidrio.kernel.Batch;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs plans and counts the tokens that run. */
public final class CountingExecutor extends WatchedExecutor {
  private final AtomicInteger tokens = new AtomicInteger();

  /** Returns the number of tokens that have run since the last call. */
  public int takeTokens() {
    return tokens.getAndSet(0);
  }

  /** A step begins with the first operation; the top-k search runs separately. */
  @Override
  protected void onRun(Batch batch, int begin, int end) {
    tokens.addAndGet(begin == 0 ? batch.tokenCount() : 0);
  }
}
