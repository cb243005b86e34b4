package dev.vidrio.model.session;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs steps on a thread until its stack is used: each succeeds, or throws a {@link
 * StackOverflowError} in Java. Native code that needs more than the JVM leaves it would end the
 * process.
 */
class LittleStackTest {
  private static final int[] TOKENS = {1, 2, 3, 4, 5, 6, 7, 8};
  private static final int STACK_BYTES = 1 << 20;

  /** The number of levels between two steps: a few kilobytes. */
  private static final int LEVELS = 64;

  @TempDir Path directory;

  /** A dense model and a mixture of experts; the tiles of the latter need most memory. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "mixtral"})
  void stepFailsInJavaOrSucceeds(String name) throws IOException, InterruptedException {
    try (Model model = Model.open(TinyModels.write(directory.resolve("tiny.gguf"), name))) {
      float[] expected = step(model);
      var succeeded = new AtomicInteger();
      Thread thread =
          new Thread(null, () -> runSteps(model, succeeded), "little stack", STACK_BYTES);
      thread.start();
      thread.join();
      assertTrue(succeeded.get() > 0, "no step succeeded");
      assertArrayEquals(expected, step(model));
    }
  }

  private static float[] step(Model model) {
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      return session.feed(session.newSequence(), TOKENS).toArray(JAVA_FLOAT);
    }
  }

  /** Runs steps at greater and greater depths, until the Java code of one no longer fits. */
  private static void runSteps(Model model, AtomicInteger succeeded) {
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      descend(
          1,
          () -> {
            try (Sequence sequence = session.newSequence()) {
              var _ = session.feed(sequence, TOKENS);
              succeeded.incrementAndGet();
            }
          });
    } catch (StackOverflowError e) {
      // The end of the stack was reached.
    }
  }

  private static void descend(int level, Runnable step) {
    if (level % LEVELS == 0) {
      step.run();
    }
    if (level < Integer.MAX_VALUE) {
      descend(level + 1, step);
    }
  }
}
