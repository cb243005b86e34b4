package dev.vidrio.model.testfiles;

import dev.vidrio.kernel.Batch;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs plans, and counts the tokens that run. */
public final class CountingExecutor extends WatchedExecutor {
  private final AtomicInteger tokens = new AtomicInteger();

  /** How many tokens have run since this was asked last. */
  public int takeTokens() {
    return tokens.getAndSet(0);
  }

  /** Steps begin with the first operation; the search for candidates comes last, by itself. */
  @Override
  protected void onRun(Batch batch, int begin, int end) {
    tokens.addAndGet(begin == 0 ? batch.tokenCount() : 0);
  }
}
