package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyAdapter;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Recomputed activations have the bits of the forward pass. */
class RecomputedActivationsTest extends BardTest {
  private static final Capture KEPT = Capture.of("*,*result");
  private static final int[] TOKENS =
      IntStream.range(0, 70).map(i -> (i * 37 + 11) % 2048).toArray();

  @TempDir Path directory;

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void coversEveryArchitectureOfFixtures(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    Path file = TinyModels.write(directory.resolve(name + ".gguf"), name);
    try (Model tiny = Model.open(file)) {
      requireSame(Lens.of(tiny), tokens, KEPT);
    }
  }

  /** Positions before the first that is kept: keys of them are. */
  @ParameterizedTest
  @ValueSource(strings = {"*", "*.hook_q,*.hook_rot_q", "*.attn.*,*.hook_resid_mid", "*scale"})
  void readsSomePositionsAndPoints(String hooks) {
    requireSame(lens, TOKENS, Capture.of(hooks));
    requireSame(lens, TOKENS, Capture.of(hooks).positions(13, 29));
  }

  private static void requireSame(Lens lens, int[] tokens, Capture capture) {
    try (ActivationCache kept = lens.run(tokens, capture);
        ActivationCache forward = lens.run(tokens, capture.recomputed());
        ActivationCache backward = lens.run(tokens, capture.recomputed())) {
      assertTrue(forward.bytes() <= kept.bytes());
      for (HookPoint point : backward.points().reversed()) {
        boolean scores = point.site().axes() == HookSite.Axes.QUERY_KEY;
        assertEquals(backward.rows(), backward.get(point).shape().get(scores ? 1 : 0));
      }
      Caches.assertSame(kept, forward);
      Caches.assertSame(kept, backward);
      assertTrue(forward.bytes() <= kept.bytes(), forward.bytes() + " of " + kept.bytes());
    }
  }

  /** Sequences of a batch, token by token, in the session's memory and in a copy. */
  @Test
  void inGeneration() {
    Capture capture = KEPT.recomputed();
    int[] other = Arrays.copyOfRange(TOKENS, 20, 50);
    try (ActivationCache first = lens.run(TOKENS, KEPT);
        ActivationCache second = lens.run(other, KEPT);
        LensSession session = lens.open(capture, SessionOptions.exact(128, 64, 2, 1))) {
      Sequence a = session.newSequence();
      Sequence b = session.newSequence();
      session.feed(a, Arrays.copyOf(TOKENS, 40));
      try (ActivationCache early = session.cache(a)) {
        assertEquals(List.of(40, 768), early.get("blocks.3.mlp.hook_post").shape());
      }
      for (int i = 0; i < 30; i++) {
        session.begin();
        session.add(b, other[i], false);
        session.add(a, TOKENS[40 + i], true);
        session.run();
      }
      try (ActivationCache copy = session.copy(b)) {
        session.unwatch(b);
        Caches.assertSame(second, copy);
      }
      Caches.assertSame(first, session.cache(a));
    }
  }

  /** With all points captured, a run keeps the residual stream and the outputs of heads. */
  @Test
  void keepsLittleWhenRecomputing() {
    try (ActivationCache kept = lens.run(TOKENS, Capture.of("*"));
        ActivationCache recomputed = lens.run(TOKENS, Capture.of("*").recomputed());
        ActivationCache streams =
            lens.run(TOKENS, Capture.of("hook_embed,*.hook_resid_post,*.hook_z"))) {
      assertEquals(streams.bytes(), recomputed.bytes());
      assertTrue(5 * recomputed.bytes() < kept.bytes());
      recomputed.get("blocks.2.hook_mlp_out");
      long rows = 4L * TOKENS.length;
      long made = rows * (256 + 256 + 3 * 768 + 256); // attention out, stream, neurons, out
      assertEquals(streams.bytes() + made, recomputed.bytes());
    }
  }

  /** Edits are not operations of the model, so edited activations are kept. */
  @Test
  void readsEditedActivations() {
    List<Intervention> edits =
        List.of(
            Intervention.scale(new HookPoint(HookSite.POST, 1), 2).neuron(3),
            Intervention.zero(new HookPoint(HookSite.RESID_MID, 2)).positions(5, 9),
            Intervention.scale(new HookPoint(HookSite.LN2_NORMALIZED, 0), 0.5f),
            Intervention.zero(new HookPoint(HookSite.PATTERN, 3)).head(1),
            Intervention.scale(HookPoint.of(HookSite.LN_FINAL_NORMALIZED), 3),
            Intervention.scale(HookPoint.of(HookSite.LOGITS), 2));
    try (ActivationCache kept = lens.run(TOKENS, KEPT, edits);
        ActivationCache recomputed = lens.run(TOKENS, KEPT.recomputed(), edits)) {
      Caches.assertSame(kept, recomputed);
    }
  }

  @Test
  void byJavaKernels() {
    int[] few = Arrays.copyOf(TOKENS, 9);
    var options = ModelOptions.with(() -> JavaExecutor.scalar(2));
    try (Model scalar = Model.open(BardFiles.q8(), options);
        ActivationCache kept = lens.run(few, KEPT);
        ActivationCache recomputed = Lens.of(scalar).run(few, KEPT.recomputed())) {
      Caches.assertSame(kept, recomputed);
    }
  }

  /** The logits of all rows, though the pass computes those that are asked for. */
  @Test
  void logitsMatchSession() {
    try (Session session =
            model.newSession(SessionOptions.exact(TOKENS.length, TOKENS.length, 1, TOKENS.length));
        ActivationCache cache = lens.run(TOKENS, Capture.of("unembed.hook_out"))) {
      Sequence sequence = session.newSequence();
      session.begin();
      for (int token : TOKENS) {
        session.add(sequence, token, true);
      }
      session.run();
      Activation logits = cache.get("unembed.hook_out");
      for (int i = 0; i < TOKENS.length; i++) {
        assertEquals(
            -1, session.logits(i).mismatch(MemorySegment.ofArray(logits.row(i))), "row " + i);
      }
    }
  }

  /** Products with adapters have others' bits. */
  @Test
  void keepsAllWithAdapters() throws IOException {
    Path file =
        TinyModel.write(
            directory.resolve("tiny.gguf"),
            TinyModel.Options.standard().withType(GgmlType.F32).withBiases(true));
    int[] tokens = IntStream.range(0, 40).map(i -> 7 * i % TinyModel.VOCABULARY).toArray();
    try (Model tiny = Model.open(file);
        Adapter adapter =
            tiny.openAdapter(TinyAdapter.write(directory.resolve("one.gguf"), 4, 8, 1))) {
      SessionOptions options = SessionOptions.EXACT.withContext(64);
      requireAllKept(Lens.of(tiny), tokens, options.withAdaptation(new Adaptation(adapter, 1)));
    }
  }

  /** Recomputes with the arithmetic of the session. */
  @Test
  void recomputesInBf16() throws IOException {
    Path file =
        TinyModel.write(
            directory.resolve("tiny.gguf"),
            TinyModel.Options.standard().withType(GgmlType.Q8_0).withBiases(true));
    int[] tokens = IntStream.range(0, 40).map(i -> 7 * i % TinyModel.VOCABULARY).toArray();
    SessionOptions options = SessionOptions.EXACT.withContext(64).withArithmetic(Arithmetic.BF16);
    try (Model tiny = Model.open(file);
        LensSession kept = Lens.of(tiny).open(KEPT, options);
        LensSession recomputed = Lens.of(tiny).open(KEPT.recomputed(), options)) {
      Sequence a = kept.newSequence();
      Sequence b = recomputed.newSequence();
      assertEquals(-1, kept.feed(a, tokens).mismatch(recomputed.feed(b, tokens)));
      assertTrue(recomputed.cache(b).bytes() < kept.cache(a).bytes());
      Caches.assertSame(kept.cache(a), recomputed.cache(b));
    }
  }

  private static void requireAllKept(Lens lens, int[] tokens, SessionOptions options) {
    try (LensSession kept = lens.open(KEPT, options);
        LensSession recomputed = lens.open(KEPT.recomputed(), options)) {
      Sequence a = kept.newSequence();
      Sequence b = recomputed.newSequence();
      assertEquals(-1, kept.feed(a, tokens).mismatch(recomputed.feed(b, tokens)));
      assertEquals(kept.cache(a).bytes(), recomputed.cache(b).bytes());
      Caches.assertSame(kept.cache(a), recomputed.cache(b));
    }
  }

  @Test
  void halvesAreNotEnough() {
    String message =
        assertThrows(
                InvalidInputException.class, () -> Capture.of("*").recomputed().as(TapType.F16))
            .getMessage();
    assertEquals("type F16: must be F32 to recompute activations", message);
    assertThrows(InvalidInputException.class, () -> Capture.of("*").as(TapType.BF16).recomputed());
  }

  /** Memory of what was computed again ends with the cache. */
  @Test
  void rejectsReadsOfClosedCaches() {
    ActivationCache cache = lens.run(TOKENS, Capture.of("*").recomputed());
    Activation post = cache.get("blocks.1.mlp.hook_post");
    cache.close();
    cache.close();
    assertThrows(IllegalStateException.class, () -> post.at(0, 0));
    assertThrows(IllegalStateException.class, () -> cache.get("blocks.1.mlp.hook_post"));
  }

  /** A session's cache lives on, as what was kept does. */
  @Test
  void recomputesAfterSessionCacheCloses() {
    try (ActivationCache kept = lens.run(TOKENS, Capture.of("*"));
        LensSession session =
            lens.open(Capture.of("*").recomputed(), SessionOptions.exact(128, 64, 1, 1))) {
      Sequence sequence = session.newSequence();
      session.feed(sequence, TOKENS);
      ActivationCache cache = session.cache(sequence);
      Activation early = cache.get("blocks.1.mlp.hook_post");
      cache.close();
      assertThrows(IllegalStateException.class, () -> early.at(0, 0));
      Caches.assertSame(kept, cache);
    }
  }

  @Test
  void rejectsUseAfterModelCloses() {
    Model closing = Model.open(BardFiles.q8());
    ActivationCache cache = Lens.of(closing).run(TOKENS, Capture.of("*").recomputed());
    cache.get("blocks.1.mlp.hook_post");
    closing.close();
    assertThrows(IllegalStateException.class, () -> cache.get("blocks.2.mlp.hook_post"));
    cache.close();
  }
}
