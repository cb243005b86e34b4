package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models with states, which a sequence has in one place only. */
class StatesTest {
  private static final int[] TOKENS = IntStream.range(0, 40).map(i -> 11 * i % 64).toArray();

  @TempDir Path directory;

  private Model model = unopened();

  @SuppressWarnings("NullAway") // JUnit opens it before each test
  private static Model unopened() {
    return null;
  }

  @BeforeEach
  void open() throws IOException {
    model = Model.open(TinyModels.write(directory.resolve("tiny.gguf"), "qwen35"));
  }

  @AfterEach
  void close() {
    model.close();
  }

  private float[] alone(int... tokens) {
    try (Session session = model.newSession(SessionOptions.EXACT)) {
      return session.feed(session.newSequence(), tokens).toArray(JAVA_FLOAT);
    }
  }

  /** A step that fails leaves the sequence as it was, or empty where its states were changed. */
  @Test
  void restoresStateAfterFailedStep() {
    HookPoint last = new HookPoint(HookSite.RESID_POST, model.architecture().layers() - 1);
    Capture capture = Capture.of("*");
    float[] expected = alone(TOKENS);
    try (LensSession session = Lens.of(model).open(capture, SessionOptions.EXACT, last.name())) {
      Sequence sequence = session.newSequence();
      session.feed(sequence, Arrays.copyOf(TOKENS, 20));
      session.hooks(
          Map.of(
              last,
              rows -> {
                throw new IllegalStateException("no");
              }));
      int[] some = Arrays.copyOfRange(TOKENS, 20, 25);
      assertThrows(IllegalStateException.class, () -> session.feed(sequence, some));
      assertEquals(20, sequence.length());
      session.hooks(Map.of());
      session.feed(sequence, some);
      int[] rest = Arrays.copyOfRange(TOKENS, 25, 40);
      session.hooks(
          Map.of(
              last,
              rows -> {
                throw new IllegalStateException("no");
              }));
      assertThrows(IllegalStateException.class, () -> session.feed(sequence, rest));
      assertEquals(0, sequence.length());
      session.hooks(Map.of());
      assertArrayEquals(expected, session.feed(sequence, TOKENS).toArray(JAVA_FLOAT));
      try (ActivationCache whole = Lens.of(model).run(TOKENS, capture)) {
        Caches.assertSame(whole, session.cache(sequence));
      }
    }
  }

  /** The next step repeats the layers of a failed step. */
  @Test
  void restoresStateAfterFailureBetweenLayers() {
    HookPoint first = new HookPoint(HookSite.RESID_POST, 0);
    try (LensSession session =
        Lens.of(model).open(Capture.NONE, SessionOptions.EXACT, first.name())) {
      Sequence sequence = session.newSequence();
      session.feed(sequence, Arrays.copyOf(TOKENS, 32));
      session.hooks(
          Map.of(
              first,
              rows -> {
                throw new IllegalStateException("no");
              }));
      int[] rest = Arrays.copyOfRange(TOKENS, 32, 40);
      assertThrows(IllegalStateException.class, () -> session.feed(sequence, rest));
      assertEquals(32, sequence.length());
      session.hooks(Map.of());
      assertArrayEquals(alone(TOKENS), session.feed(sequence, rest).toArray(JAVA_FLOAT));
    }
  }

  /** Late positions of every layer. The base run does not keep their states. */
  @Test
  void sweepEqualsOneRunPerVariant() {
    Lens lens = Lens.of(model);
    Metric metric = Metric.logitDifference(5, 9);
    List<List<Intervention>> variants = new ArrayList<>();
    for (int layer = 0; layer < model.architecture().layers(); layer++) {
      for (int position = 3; position < TOKENS.length; position += 9) {
        HookPoint point = new HookPoint(HookSite.RESID_PRE, layer);
        variants.add(List.of(Intervention.scale(point, 2).position(position)));
      }
    }
    List<Double> swept = Sweep.run(lens, TOKENS, List.of(), variants, metric);
    for (int i = 0; i < variants.size(); i++) {
      try (ActivationCache alone =
          lens.run(
              TOKENS, Capture.of(HookSite.LOGITS.suffix()).positions(39, 40), variants.get(i))) {
        assertEquals(
            metric.of(alone.get(HookSite.LOGITS).data()), swept.get(i), variants.get(i).toString());
      }
    }
  }

  @Test
  void namesLayerWithoutAttention() {
    var e =
        assertThrows(
            InvalidInputException.class,
            () -> Preconditions.requireAttention(model, "path patching"));
    assertEquals("path patching: layer 0 has a recurrence instead of attention", e.getMessage());
  }
}
