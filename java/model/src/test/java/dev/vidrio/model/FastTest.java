package dev.vidrio.model;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TestExecutors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests sessions with fast matrix products, which give up portable bits. */
class FastTest {
  private static final int LONG = 40;

  @TempDir private Path directory;
  private Path file;

  @BeforeEach
  void writeModel() throws IOException {
    file = directory.resolve("tiny.gguf");
    TinyModel.write(file, TinyModel.Options.standard().withType(GgmlType.BF16).withTied(false));
  }

  /** Returns the bits of the logits after a prompt. */
  private int[] logits(Supplier<Executor> executor, int tokens, boolean fast) {
    try (Model model = Model.open(file, ModelOptions.with(executor));
        Session session = model.newSession(SessionOptions.DEFAULT.withFast(fast))) {
      int vocabulary = model.architecture().vocabulary();
      int[] prompt = new SplittableRandom(3).ints(tokens, 0, vocabulary).toArray();
      return session.feed(session.newSequence(), prompt).toArray(JAVA_INT);
    }
  }

  @Test
  void fastChangesNothingIfTheProcessorDoesNotGain() {
    Supplier<Executor> scalar = () -> NativeExecutor.create(Isa.SCALAR, 2);
    assertArrayEquals(logits(scalar, LONG, false), logits(scalar, LONG, true));
  }

  @Test
  void shortStepsKeepTheirBits() {
    assertArrayEquals(
        logits(NativeExecutor::create, 16, false), logits(NativeExecutor::create, 16, true));
  }

  @Test
  void fastBitsAreIndependentOfWorkersAndRuns() {
    for (Isa isa : TestExecutors.instructionSets()) {
      int[] expected = logits(() -> NativeExecutor.create(isa, 1), LONG, true);
      for (int workers = 1; workers <= 3; workers++) {
        int count = workers;
        assertArrayEquals(
            expected, logits(() -> NativeExecutor.create(isa, count), LONG, true), isa.label());
      }
    }
  }

  @Test
  void longStepsOfBf16ModelsUseBf16() {
    boolean gains = Isa.pick().fastProducts().contains("bf16");
    int[] exact = logits(NativeExecutor::create, LONG, false);
    int[] fast = logits(NativeExecutor::create, LONG, true);
    assertEquals(gains, Arrays.mismatch(exact, fast) >= 0);
  }

  @Test
  void rejectsFastWithoutSupportOfTheExecutor() {
    for (Supplier<Executor> executor :
        List.<Supplier<Executor>>of(() -> JavaExecutor.vector(1), () -> JavaExecutor.scalar(1))) {
      var refused = assertThrows(InvalidInputException.class, () -> logits(executor, LONG, true));
      assertTrue(refused.limit().endsWith("has no fast products"));
    }
  }
}
