package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The activations of a session do not depend on its steps, and capturing them changes no bit. */
class LensSessionTest extends BardTest {
  private static final int[] TOKENS =
      IntStream.range(0, 70).map(i -> (i * 37 + 11) % 2048).toArray();

  private static final Capture ATTENTION = Capture.of("blocks.1.attn.*");

  @Test
  void capturingChangesNoBit() {
    try (Session plain = model.newSession(SessionOptions.EXACT);
        LensSession watched = lens.open(Capture.of("*"), SessionOptions.EXACT)) {
      Sequence a = plain.newSequence();
      Sequence b = watched.newSequence();
      assertEquals(-1, plain.feed(a, TOKENS).mismatch(watched.feed(b, TOKENS)));
      for (int i = 0; i < 5; i++) {
        int next = plain.candidates(0).id(0);
        assertEquals(next, watched.candidates(watched.logitRows() - 1).id(0));
        assertEquals(-1, plain.feed(a, next).mismatch(watched.feed(b, next)));
      }
    }
  }

  /** Captured alone, an activation has the bits that it has among all. */
  @Test
  void runsEndAfterTheLastCapturedActivation() {
    try (ActivationCache whole = lens.run(TOKENS, Capture.of("*"))) {
      for (HookPoint point : whole.points()) {
        try (ActivationCache alone = lens.run(TOKENS, Capture.of(point.name()))) {
          assertArrayEquals(whole.get(point).toArray(), alone.get(point).toArray(), point.name());
        }
      }
    }
    Capture first = Capture.of("blocks.0.hook_resid_post");
    try (LensSession session = lens.open(first, SessionOptions.EXACT)) {
      int all = session.operations();
      session.endAfterCaptured();
      assertTrue(session.operations() < all / 2, session.operations() + " of " + all);
    }
    var last = new HookPoint(HookSite.RESID_POST, 3);
    var rows = new AtomicInteger();
    lens.run(TOKENS, first, Map.of(last, step -> rows.addAndGet(step.tokens().size()))).close();
    assertEquals(TOKENS.length, rows.get());
  }

  /** A prompt at once, and token by token as in generation. */
  @ParameterizedTest
  @CsvSource({"1", "7", "64"})
  void activationsAreIndependentOfSteps(int step) {
    var options = SessionOptions.exact(TOKENS.length, step, 1, 1);
    try (ActivationCache whole = lens.run(TOKENS, Capture.of("*,*result"));
        LensSession session = lens.open(Capture.of("*,*result"), options)) {
      Sequence sequence = session.newSequence();
      for (int i = 0; i < TOKENS.length; i += step) {
        session.feed(sequence, Arrays.copyOfRange(TOKENS, i, Math.min(TOKENS.length, i + step)));
      }
      Caches.assertSame(whole, session.cache(sequence));
    }
  }

  @ParameterizedTest
  @EnumSource(KvType.class)
  void activationsOverCacheOfTypeMatchForwardPass(KvType type) {
    SessionOptions options = SessionOptions.exact(TOKENS.length, 16, 1, 1).withKvType(type);
    try (Session plain = model.newSession(options);
        LensSession session = lens.open(Capture.of("*"), options)) {
      float[] expected = floats(plain.feed(plain.newSequence(), TOKENS));
      Sequence sequence = session.newSequence();
      assertArrayEquals(expected, floats(session.feed(sequence, TOKENS)));
    }
  }

  @Test
  void patternsWeightValuesAsStoredInCache() {
    SessionOptions options = SessionOptions.exact(TOKENS.length, 16, 1, 1);
    try (LensSession session = lens.open(ATTENTION, options.withKvType(KvType.F16))) {
      Sequence sequence = session.newSequence();
      session.feed(sequence, TOKENS);
      ActivationCache cache = session.cache(sequence);
      Activation pattern = cache.get("blocks.1.attn.hook_pattern");
      Activation values = cache.get("blocks.1.attn.hook_v");
      Activation z = cache.get("blocks.1.attn.hook_z");
      int query = TOKENS.length - 1;
      int head = 5; // reads key-value head 2
      for (int i = 0; i < 32; i++) {
        double sum = 0;
        for (int t = 0; t < TOKENS.length; t++) {
          float stored = Float.float16ToFloat(Float.floatToFloat16(values.at(t, 2, i)));
          sum += (double) pattern.at(head, query, t) * stored;
        }
        assertEquals(sum, z.at(query, head, i), 1e-6, "element " + i);
      }
    }
  }

  @Test
  void sequencesOfABatchHaveTheirOwnActivations() {
    Capture capture = Capture.of("*hook_resid_post, *pattern, ln_final*");
    int[] other = Arrays.copyOfRange(TOKENS, 20, 50);
    try (ActivationCache first = lens.run(TOKENS, capture);
        ActivationCache second = lens.run(other, capture);
        LensSession session = lens.open(capture, SessionOptions.exact(128, 64, 2, 1))) {
      Sequence a = session.newSequence();
      Sequence b = session.newSequence();
      int done = 0;
      for (int i = 0; i < TOKENS.length; i += 10) {
        session.begin();
        // The second sequence is the first of every other step, and ends before.
        boolean swapped = i % 20 == 10;
        for (int j = i; swapped && j < Math.min(i + 10, other.length); j++) {
          session.add(b, other[j], false);
        }
        for (int j = i; j < i + 10; j++) {
          session.add(a, TOKENS[j], false);
        }
        for (int j = i; !swapped && j < Math.min(i + 10, other.length); j++) {
          session.add(b, other[j], false);
        }
        session.run();
        done++;
      }
      assertEquals(7, done);
      Caches.assertSame(first, session.cache(a));
      Caches.assertSame(second, session.cache(b));
    }
  }

  /** A sequence that runs now in one session, now in the other. */
  @Test
  void sessionsOverOneCacheTakeTurns() {
    Capture capture = Capture.of("*hook_resid_post, *pattern, unembed*");
    try (ActivationCache whole = lens.run(TOKENS, capture);
        Session plain = model.newSession(SessionOptions.EXACT.withSequences(2));
        LensSession session = lens.open(capture, "*.hook_resid_post", 1, plain)) {
      float[] expected;
      try (Session alone = model.newSession(SessionOptions.EXACT)) {
        expected = floats(alone.feed(alone.newSequence(), TOKENS));
      }
      Sequence watched = plain.newSequence();
      Sequence other = plain.newSequence();
      session.watch(watched);
      plain.feed(other, Arrays.copyOf(TOKENS, 20));
      session.begin();
      for (int i = 0; i < 30; i++) {
        session.add(watched, TOKENS[i], false);
      }
      for (int i = 20; i < 50; i++) {
        session.add(other, TOKENS[i], false);
      }
      session.run();
      session.begin();
      for (int i = 30; i < TOKENS.length; i++) {
        session.add(watched, TOKENS[i], i == TOKENS.length - 1);
      }
      session.run();
      assertEquals(1, session.logitRows());
      assertArrayEquals(expected, floats(session.logits(0)));
      assertArrayEquals(
          expected, floats(plain.feed(other, Arrays.copyOfRange(TOKENS, 50, TOKENS.length))));
      try (ActivationCache copy = session.copy(watched)) {
        assertThrows(IllegalStateException.class, () -> session.watch(plain.newSequence()));
        session.unwatch(watched);
        session.watch(plain.newSequence());
        Caches.assertSame(whole, copy);
      }
    }
  }

  private static float[] floats(MemorySegment row) {
    return row.toArray(ValueLayout.JAVA_FLOAT);
  }

  @Test
  void positionSliceEqualsPartOfWhole() {
    Capture capture = Capture.of("*,*result");
    try (ActivationCache whole = lens.run(TOKENS, capture);
        ActivationCache slice = lens.run(TOKENS, capture.positions(13, 29))) {
      assertEquals(16, slice.rows());
      for (HookPoint point : slice.points()) {
        Activation part = slice.get(point);
        if (point.site().axes() == HookSite.Axes.QUERY_KEY) {
          assertEquals(List.of(8, 16, 29), part.shape());
          for (int t = 0; t < 29; t++) {
            assertEquals(whole.get(point).at(7, 20, t), part.at(7, 7, t), point.name());
          }
        } else {
          for (int i = 0; i < 16; i++) {
            assertArrayEquals(whole.get(point).row(13 + i), part.row(i), point.name());
          }
        }
      }
    }
  }

  /** A half has 11 bits, a bfloat 8. */
  @ParameterizedTest
  @EnumSource(TapType.class)
  void halvesAreRoundedFloats(TapType type) {
    double bound = type == TapType.F32 ? 0 : type == TapType.F16 ? 0x1p-11 : 0x1p-8;
    Capture capture = Capture.of("*.hook_resid_post, *.hook_z");
    try (ActivationCache whole = lens.run(TOKENS, capture);
        ActivationCache rounded = lens.run(TOKENS, capture.as(type))) {
      for (HookPoint point : whole.points()) {
        float[] expected = whole.get(point).toArray();
        float[] actual = rounded.get(point).toArray();
        for (int i = 0; i < expected.length; i++) {
          assertEquals(expected[i], actual[i], Math.abs(expected[i]) * bound + 0x1p-24);
        }
      }
    }
  }

  /** z is the pattern's mean of values, so rows of patterns are distributions over the past. */
  @Test
  void patternsMixValuesToZ() {
    try (ActivationCache cache = lens.run(TOKENS, Capture.of("blocks.2.attn.*"))) {
      Activation pattern = cache.get("blocks.2.attn.hook_pattern");
      Activation v = cache.get("blocks.2.attn.hook_v");
      Activation z = cache.get("blocks.2.attn.hook_z");
      for (int h = 0; h < 8; h++) {
        for (int i = 0; i < TOKENS.length; i += 9) {
          double sum = 0;
          double mixed = 0;
          for (int t = 0; t < TOKENS.length; t++) {
            float weight = pattern.at(h, i, t);
            assertTrue(t <= i ? weight >= 0 : weight == 0);
            sum += weight;
            mixed += (double) weight * v.at(t, h / 2, 5);
          }
          assertEquals(1, sum, 1e-6);
          assertEquals(mixed, z.at(i, h, 5), 1e-5);
        }
      }
    }
  }

  /** Equal up to the order in which the heads are added. */
  @Test
  void headResultsAddUpToTheOutputOfAttention() {
    try (ActivationCache cache =
        lens.run(TOKENS, Capture.of("blocks.1.attn.hook_result, blocks.1.hook_attn_out"))) {
      Activation result = cache.get("blocks.1.attn.hook_result");
      Activation out = cache.get("blocks.1.hook_attn_out");
      assertEquals(List.of(TOKENS.length, 8, 256), result.shape());
      for (int i = 0; i < TOKENS.length; i++) {
        for (int j = 0; j < 256; j++) {
          double sum = 0;
          for (int h = 0; h < 8; h++) {
            sum += result.at(i, h, j);
          }
          assertEquals(out.at(i, j), sum, 1e-5 * (1 + Math.abs(sum)));
        }
      }
    }
  }

  /** The bits are those of docs/numerics.md, so every executor gives them. */
  @Test
  void executorsAgree() {
    Capture capture = Capture.of("*");
    int[] few = Arrays.copyOf(TOKENS, 9);
    var options = ModelOptions.with(() -> JavaExecutor.scalar(2));
    try (Model scalar = Model.open(BardFiles.q8(), options);
        ActivationCache expected = Lens.of(scalar).run(few, capture);
        ActivationCache actual = lens.run(few, capture)) {
      Caches.assertSame(expected, actual);
    }
  }

  @Test
  void rejectsUseOfClosedCachesAndSessions() {
    ActivationCache cache = lens.run(TOKENS, Capture.of("hook_embed"));
    Activation embed = cache.get("hook_embed");
    cache.close();
    cache.close();
    assertThrows(IllegalStateException.class, () -> cache.get("hook_embed"));
    assertThrows(IllegalStateException.class, () -> embed.at(0, 0));

    LensSession session = lens.open(Capture.of("hook_embed"), SessionOptions.EXACT);
    Sequence sequence = session.newSequence();
    session.feed(sequence, TOKENS);
    ActivationCache ofSession = session.cache(sequence);
    ofSession.close();
    assertEquals(TOKENS.length, ofSession.get("hook_embed").shape().getFirst());
    session.close();
    session.close();
    assertThrows(IllegalStateException.class, () -> ofSession.get("hook_embed"));
    List<Executable> uses =
        List.of(
            () -> session.feed(sequence, TOKENS),
            () -> session.edits(List.of()),
            () -> session.check(List.of()),
            () -> session.hooks(Map.of()),
            () -> session.cache(sequence),
            () -> session.copy(sequence));
    for (Executable use : uses) {
      String message = assertThrows(IllegalStateException.class, use).getMessage();
      assertEquals("the session of " + model.name() + " is closed", message);
    }
  }

  @Test
  void rejectsInvalidCaptures() {
    Capture capture = Capture.of("hook_embed");
    assertThrows(InvalidInputException.class, () -> lens.run(new int[0], capture));
    assertThrows(InvalidInputException.class, () -> lens.run(new int[] {2048}, capture));
    assertThrows(InvalidInputException.class, () -> lens.run(new int[] {-1}, capture));
    assertThrows(InvalidInputException.class, () -> lens.run(new int[1025], capture));
    assertThrows(InvalidInputException.class, () -> capture.positions(3, 3));
    assertThrows(InvalidInputException.class, () -> capture.positions(-1, 3));
    assertThrows(InvalidInputException.class, () -> lens.run(TOKENS, capture.positions(70, 80)));
    try (ActivationCache cache = lens.run(TOKENS, capture)) {
      String message =
          assertThrows(InvalidInputException.class, () -> cache.get("hook_embedd")).getMessage();
      assertTrue(message.contains("similar: hook_embed"), message);
      assertThrows(InvalidInputException.class, () -> cache.get(HookSite.Z, 0));
    }
    // The model is as it was.
    try (ActivationCache cache = lens.run(TOKENS, capture)) {
      MemorySegment data = cache.get("hook_embed").data();
      assertTrue(Float.isFinite(data.getAtIndex(ValueLayout.JAVA_FLOAT, 0)));
    }
  }

  /** A cache costs the tensors that were asked for, and no more than some alignment. */
  @ParameterizedTest
  @ValueSource(strings = {"*", "*.hook_resid_post", "*.hook_pattern,*.hook_q,*.hook_rot_*"})
  void countsTensorMemory(String hooks) {
    int[] tokens = IntStream.range(0, 100).map(i -> 7 * i + 3).toArray();
    try (ActivationCache cache = lens.run(tokens, Capture.of(hooks))) {
      long tensors =
          cache.points().stream().mapToLong(point -> 4 * cache.get(point).elements()).sum();
      assertTrue(
          cache.bytes() <= 1.05 * tensors, cache.bytes() + " bytes for tensors of " + tensors);
    }
  }

  /** Counted from the end they are those counted from the beginning, of any text. */
  @Test
  void resolvesLastPositions() {
    int[] tokens = {5, 6, 7, 8, 9};
    Capture all = Capture.of("*.hook_pattern, *.hook_resid_post, unembed.hook_out");
    try (ActivationCache expected = lens.run(tokens, all.positions(3, 5));
        ActivationCache actual = lens.run(tokens, all.last(2));
        ActivationCache whole = lens.run(tokens, all);
        ActivationCache more = lens.run(tokens, all.last(9))) {
      assertEquals(3, actual.from());
      Caches.assertSame(expected, actual);
      Caches.assertSame(whole, more);
      Activation stream = whole.get("blocks.1.hook_resid_post");
      assertArrayEquals(stream.row(4), stream.row(-1));
      assertEquals(stream.at(3, 255), stream.at(-2, -1));
      assertThrows(IndexOutOfBoundsException.class, () -> stream.row(-6));
      assertThrows(IndexOutOfBoundsException.class, () -> stream.at(0, 256));
    }
    assertEquals(
        "positions -2:: negative positions are not supported in a session",
        assertThrows(
                InvalidInputException.class, () -> lens.open(all.last(2), SessionOptions.EXACT))
            .getMessage());
    assertThrows(InvalidInputException.class, () -> all.last(0));
    assertThrows(InvalidInputException.class, () -> all.positions(-2, -1));
  }

  @Test
  void rejectsPositionsBeyondContext() {
    Capture capture = Capture.of("hook_embed").positions(50, 60);
    assertEquals(
        "positions 50:60: there are 3",
        assertThrows(InvalidInputException.class, () -> lens.run(new int[] {1, 2, 3}, capture))
            .getMessage());
  }
}
