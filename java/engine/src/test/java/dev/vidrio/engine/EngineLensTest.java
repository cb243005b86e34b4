package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests watched and steered requests in a batch with others. */
@Timeout(120)
class EngineLensTest extends BardCase {
  private static final String POINTS = "*hook_resid_post,*pattern,ln_final*";
  private static final LensOptions LENS = new LensOptions(POINTS, "*.hook_resid_post", 2);

  private static final EngineOptions OPTIONS = EngineOptions.DEFAULT.withLens(LENS);
  private static final int TOKENS = 40;

  private static GenerationRequest request(int seed) {
    int[] prompt = prompt(seed, 10 + 50 * seed);
    return GenerationRequest.builder(prompt)
        .options(
            GenerationOptions.DEFAULT
                .withTokens(TOKENS)
                .withIgnoreEnd(true)
                .withSampling(SamplingOptions.GREEDY))
        .build();
  }

  private static List<Intervention> steering(float strength) {
    var direction = new float[model.architecture().width()];
    for (int i = 0; i < direction.length; i++) {
      direction[i] = (float) Math.sin(i);
    }
    HookPoint point = new HookPoint(HookSite.RESID_POST, 1);
    return List.of(Intervention.add(point, strength, direction));
  }

  private static List<Integer> alone(GenerationRequest request) {
    return model.generate(request.prompt(), request.options()).result().tokens();
  }

  /** Generates greedily in a separate lens session with edits. */
  private static List<Integer> steeredAlone(GenerationRequest request) {
    List<Integer> tokens = new ArrayList<>();
    try (LensSession session =
        Lens.of(model).open(Capture.NONE, SessionOptions.DEFAULT, "*.hook_resid_post")) {
      session.edits(request.edits());
      Sequence sequence = session.newSequence();
      session.feed(sequence, request.prompt());
      for (int i = 0; i < TOKENS; i++) {
        int next = session.candidates().id(0);
        tokens.add(next);
        session.feed(sequence, next);
      }
    }
    return tokens;
  }

  @Test
  void lensDoesNotAffectOtherRequests() throws InterruptedException {
    GenerationRequest steered = request(3).toBuilder().edits(steering(8)).build();
    GenerationRequest unsteered = request(3).toBuilder().edits(steering(0)).build();
    try (Engine engine = Engine.open(model, OPTIONS)) {
      TokenStream plain = engine.submit(request(3));
      TokenStream first = engine.submit(steered);
      TokenStream watched = engine.submit(request(2).toBuilder().watched(true).build());
      TokenStream second = engine.submit(unsteered);
      List<TokenStream> twice = engine.submit(steered, 2);
      assertEquals(alone(request(3)), plain.result().result().tokens());
      assertEquals(steeredAlone(steered), first.result().result().tokens());
      assertNotEquals(alone(request(3)), first.result().result().tokens());
      assertEquals(alone(request(3)), second.result().result().tokens());
      for (TokenStream each : twice) {
        assertEquals(steeredAlone(steered), each.result().result().tokens());
      }
      // Prefixes of steered requests are not shared.
      assertEquals(128, engine.submit(request(3)).result().cachedTokens());
      assertEquals(alone(request(3)), engine.submit(request(3)).result().result().tokens());
      assertNull(plain.result().activations());
      assertSameActivations(request(2), watched.result());
      assertTrue(engine.drain(Duration.ofSeconds(60)));
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  /** The answers have the probabilities of a lens session with equal edits. */
  @Test
  void steersBeamSearch() throws InterruptedException {
    GenerationRequest steered =
        request(3).toBuilder()
            .edits(steering(8))
            .logProbabilities(0)
            .beams(BeamOptions.of(3))
            .build();
    try (Engine engine = Engine.open(model, OPTIONS)) {
      TokenStream plain = engine.submit(request(3));
      for (TokenStream answer : engine.submit(steered, 3)) {
        assertScoredAlone(steered, answer.result().tokens());
      }
      assertEquals(alone(request(3)), plain.result().result().tokens());
      assertTrue(engine.drain(Duration.ofSeconds(60)));
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  private static void assertScoredAlone(
      GenerationRequest request, List<TokenLogProbability> tokens) {
    try (LensSession session =
        Lens.of(model).open(Capture.NONE, SessionOptions.DEFAULT, "*.hook_resid_post")) {
      session.edits(request.edits());
      Sequence sequence = session.newSequence();
      MemorySegment logits = session.feed(sequence, request.prompt());
      for (TokenLogProbability token : tokens) {
        float logit = logits.getAtIndex(ValueLayout.JAVA_FLOAT, token.token());
        assertEquals(session.candidates().logProbability(logit), token.logProbability());
        logits = session.feed(sequence, token.token());
      }
    }
  }

  private static void assertSameActivations(GenerationRequest request, Completion completion) {
    int[] all = new int[request.promptTokens() + TOKENS - 1];
    System.arraycopy(request.prompt(), 0, all, 0, request.promptTokens());
    for (int i = 0; i < TOKENS - 1; i++) {
      all[request.promptTokens() + i] = completion.result().tokens().get(i);
    }
    try (LensSession session = Lens.of(model).open(Capture.of(POINTS), SessionOptions.DEFAULT);
        ActivationCache actual = completion.activations()) {
      assertNotNull(actual);
      Sequence sequence = session.newSequence();
      session.feed(sequence, all);
      ActivationCache expected = session.cache(sequence);
      assertArrayEquals(all, actual.tokens());
      for (HookPoint point : expected.points()) {
        assertArrayEquals(expected.get(point).toArray(), actual.get(point).toArray(), point.name());
      }
    }
  }

  @Test
  void watchedRequestsBeyondLimitWait() throws InterruptedException {
    try (Engine engine = Engine.open(model, OPTIONS)) {
      List<TokenStream> streams = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        streams.add(engine.submit(request(i % 2).toBuilder().watched(true).build()));
      }
      for (int i = 0; i < 5; i++) {
        assertSameActivations(request(i % 2), streams.get(i).result());
      }
    }
  }

  @Test
  void rejectsCapturesAndEditsIfOpenedWithoutThem() {
    try (Engine blind = Engine.open(model);
        Engine engine = Engine.open(model, OPTIONS)) {
      assertRejected(
          "watched true: the engine was opened without capturing",
          blind,
          request(1).toBuilder().watched(true).build());
      assertRejected(
          "edits blocks.1.hook_resid_post: the engine was opened without editing",
          blind,
          request(1).toBuilder().edits(steering(1)).build());
      assertRejected(
          "edit of blocks.1.mlp.hook_post: not among the editable points of the" + " session",
          engine,
          request(1).toBuilder()
              .edits(List.of(Intervention.zero(new HookPoint(HookSite.POST, 1))))
              .build());
    }
  }

  /** The limit holds for each sequence, so that all fit at once. */
  @Test
  void rejectsTooManyEditsOfAPoint() {
    List<Intervention> most = Collections.nCopies(Lens.EDITS, steering(0.1f).getFirst());
    List<Intervention> more = Collections.nCopies(Lens.EDITS + 1, steering(0.1f).getFirst());
    EngineOptions options = OPTIONS.withSequences(2);
    try (Engine engine = Engine.open(model, options)) {
      assertRejected(
          "edits of blocks.1.hook_resid_post 65: must be at most 64",
          engine,
          request(1).toBuilder().edits(more).build());
      for (TokenStream each : engine.submit(request(1).toBuilder().edits(most).build(), 2)) {
        assertEquals(TOKENS, each.result().result().tokens().size());
      }
    }
  }

  private static void assertRejected(String message, Engine engine, GenerationRequest request) {
    var e = assertThrows(InvalidInputException.class, () -> engine.submit(request));
    assertEquals(message, e.getMessage());
  }
}
