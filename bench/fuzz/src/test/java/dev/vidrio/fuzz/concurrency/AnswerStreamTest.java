package dev.vidrio.fuzz.concurrency;

import dev.vidrio.engine.request.AnswerStream;
import dev.vidrio.model.generation.GeneratedToken;
import java.time.Duration;
import java.util.Iterator;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Lincheck runs the scheduler, the reader and a canceling thread in many interleavings, and
 * requires of each the results of some sequential order.
 */
@Tag("long")
public class AnswerStreamTest {
  private static final String SCHEDULER = "scheduler";
  private static final int ITERATIONS = 5;
  private static final int INTERLEAVINGS = 200;

  /** A stream and what its threads do; public and with public members for Lincheck. */
  public static class Threads {
    private final AnswerStream stream = new AnswerStream(Duration.ZERO, () -> {});
    private final Iterator<GeneratedToken> tokens = stream.iterator();
    private int published;

    /** Publishes a token at once: Lincheck's clock does not advance. */
    @Operation(nonParallelGroup = SCHEDULER)
    public void publish() {
      stream.publish(new GeneratedToken(published++, "", "", null));
      stream.flush();
    }

    @Operation(nonParallelGroup = SCHEDULER, runOnce = true)
    public void fail() {
      stream.fail(new IllegalStateException("made to fail"));
    }

    /** Returns the next token, or a negative number if none is ready. */
    @Operation(nonParallelGroup = "reader")
    public int read() {
      return stream.isReady() ? tokens.next().id() : -1;
    }

    @Operation
    public boolean cancel() {
      stream.cancel();
      return stream.isCanceled();
    }
  }

  @Test
  void isLinearizable() {
    new ModelCheckingOptions()
        .iterations(ITERATIONS)
        .invocationsPerIteration(INTERLEAVINGS)
        .threads(3)
        .actorsPerThread(3)
        .check(Threads.class);
  }
}
