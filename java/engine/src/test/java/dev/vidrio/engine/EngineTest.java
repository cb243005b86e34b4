package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Compares the answers of an engine with those of the model alone. */
@Timeout(120)
class EngineTest extends BardCase {
  /** Drafts of the maximum length, independent of measured times. */
  private static final EngineOptions FULL_DRAFTS = EngineOptions.DEFAULT.withAdaptiveDrafts(false);

  private static GenerationOptions options(int seed, int tokens) {
    SamplingOptions sampling =
        seed % 3 == 0
            ? SamplingOptions.GREEDY
            : SamplingOptions.builder().seed(seed).repeatPenalty(seed % 2 == 0 ? 1.2 : 1).build();
    return GenerationOptions.DEFAULT
        .withTokens(tokens)
        .withSampling(sampling)
        .withIgnoreEnd(seed % 2 == 0);
  }

  private static GenerationRequest request(int seed, int length, int tokens) {
    return GenerationRequest.builder(prompt(seed, length)).options(options(seed, tokens)).build();
  }

  private static List<Integer> alone(GenerationRequest request) {
    return model.generate(request.prompt(), request.options()).result().tokens();
  }

  private static void assertAnswersEqualThoseAlone(EngineOptions options, int draftTokens)
      throws InterruptedException {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      requests.add(
          request(i, 1 + 37 * i % 200, 1 + 23 * i % 60).toBuilder()
              .draftTokens(draftTokens)
              .build());
    }
    Engine engine = Engine.open(model, options);
    List<TokenStream> streams = requests.stream().map(engine::submit).toList();
    for (int i = 0; i < requests.size(); i++) {
      assertEquals(
          alone(requests.get(i)), streams.get(i).result().result().tokens(), "request " + i);
    }
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void batchedAnswersEqualThoseAlone() throws InterruptedException {
    assertAnswersEqualThoseAlone(EngineOptions.DEFAULT, 0);
  }

  @Test
  void answersInShortStepsEqualThoseAlone() throws InterruptedException {
    assertAnswersEqualThoseAlone(EngineOptions.DEFAULT.withSequences(3).withStepTokens(5), 0);
  }

  @Test
  void answersWithDraftsEqualThoseAlone() throws InterruptedException {
    assertAnswersEqualThoseAlone(EngineOptions.DEFAULT, 7);
    assertAnswersEqualThoseAlone(FULL_DRAFTS, 7);
  }

  @Test
  void answersWithLittleMemoryEqualThoseAlone() throws InterruptedException {
    assertAnswersEqualThoseAlone(withBlocks(5), 0);
    assertAnswersEqualThoseAlone(withBlocks(5).withPrefixCache(false).withAdaptiveDrafts(false), 3);
  }

  @Test
  void preemptsMostRecentRequest() throws InterruptedException {
    var answers = new ShortAnswers();
    Engine engine = Engine.open(model, withBlocks(6).withListener(answers));
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      requests.add(request(2 * i, 40, 150));
    }
    List<TokenStream> streams =
        answers.before(
            engine, request(0, 3, 2), () -> requests.stream().map(engine::submit).toList());
    for (int i = 0; i < requests.size(); i++) {
      assertEquals(alone(requests.get(i)), streams.get(i).result().result().tokens());
    }
    assertTrue(engine.status().preemptions() > 0);
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void promptLookupDraftsAreAcceptedInRepetitiveText() throws InterruptedException {
    int[] tokens = new int[120];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = 40 + i % 6;
    }
    GenerationRequest request =
        GenerationRequest.builder(tokens).options(options(0, 80)).draftTokens(8).build();
    Engine engine = Engine.open(model, FULL_DRAFTS);
    assertEquals(alone(request), engine.submit(request).result().result().tokens());
    EngineStatus status = engine.status();
    assertTrue(status.draftTokens() > 0);
    assertTrue(status.acceptedTokens() <= status.draftTokens());
    assertNoMemoryIsHeld(engine);
  }

  /** A step with one draft token too many would fail with all its requests. */
  @Test
  void draftsEndAtTheContextLimit() throws InterruptedException {
    var always = SamplingOptions.builder().logitBias(Map.of(44, 100f)).build();
    var request =
        GenerationRequest.builder(IntStream.generate(() -> 44).limit(120).toArray())
            .options(options(0, 80).withSampling(always))
            .draftTokens(8);
    Engine engine = Engine.open(model, FULL_DRAFTS.withContext(130));
    Completion completion = engine.submit(request.build()).result();
    assertEquals(11, completion.result().tokens().size());
    assertEquals(FinishReason.CONTEXT, completion.result().finish());
    assertTrue(engine.status().acceptedTokens() > 0);
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void draftModelDoesNotChangeTokens() throws InterruptedException {
    try (Model draft = Model.open(BardFiles.f32())) {
      assertAnswersEqualThoseAlone(EngineOptions.DEFAULT.withDraft(draft), 4);
      assertAnswersEqualThoseAlone(FULL_DRAFTS.withDraft(draft), 4);
      Engine engine = Engine.open(model, FULL_DRAFTS.withDraft(draft).withStepTokens(40));
      GenerationRequest request = request(6, 100, 60).toBuilder().draftTokens(3).build();
      assertEquals(alone(request), engine.submit(request).result().result().tokens());
      EngineStatus status = engine.status();
      // A draft model of the same weights with more bits mostly agrees.
      assertTrue(status.acceptedTokens() > status.draftTokens() / 2, status.toString());
      assertNoMemoryIsHeld(engine);
    }
  }

  @Test
  void generatesAtLeastMinTokens() throws InterruptedException {
    GenerationRequest request = request(6, 20, 30);
    int first = alone(request).getFirst();
    Engine engine = Engine.open(model);
    GenerationRequest stopped = request.toBuilder().stopTokens(Set.of(first)).build();
    assertEquals(List.of(), engine.submit(stopped).result().result().tokens());
    List<Integer> tokens =
        engine.submit(stopped.toBuilder().minTokens(7).build()).result().result().tokens();
    assertTrue(tokens.size() >= 7);
    assertFalse(tokens.contains(first));
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void reusesCachedPrefixes() throws InterruptedException {
    GenerationRequest first = request(3, 150, 20);
    GenerationRequest second =
        GenerationRequest.builder(Arrays.copyOf(first.prompt(), 140))
            .options(options(4, 20))
            .build();
    Engine engine = Engine.open(model);
    assertEquals(0, engine.submit(first).result().cachedTokens());
    Completion again = engine.submit(first).result();
    assertEquals(128, again.cachedTokens());
    assertEquals(alone(first), again.result().tokens());
    Completion shorter = engine.submit(second).result();
    assertEquals(128, shorter.cachedTokens());
    assertEquals(alone(second), shorter.result().tokens());
    Completion other =
        engine.submit(first.toBuilder().cacheSalt("another tenant").build()).result();
    assertEquals(0, other.cachedTokens());
    assertEquals(256, engine.status().cachedTokens());
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void reusesAnswersInTheNextTurn() throws InterruptedException {
    Engine engine = Engine.open(model);
    GenerationRequest first = request(6, 60, 70);
    List<Integer> answer = engine.submit(first).result().result().tokens();
    int[] next = Arrays.copyOf(first.prompt(), 60 + answer.size() + 1);
    for (int i = 0; i < answer.size(); i++) {
      next[60 + i] = answer.get(i);
    }
    Completion second = engine.submit(GenerationRequest.builder(next).build()).result();
    assertEquals(128, second.cachedTokens());
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void severalAnswersShareOnePrompt() throws InterruptedException {
    GenerationRequest request = request(5, 100, 30);
    Engine engine = Engine.open(model);
    List<TokenStream> streams = engine.submit(request, 4);
    for (int i = 0; i < 4; i++) {
      SamplingOptions sampling = request.options().sampling().withSeed(5 + i);
      GenerationRequest one =
          request.toBuilder().options(request.options().withSampling(sampling)).build();
      Completion completion = streams.get(i).result();
      assertEquals(alone(one), completion.result().tokens());
      assertEquals(i == 0 ? 0 : 100, completion.cachedTokens());
    }
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void cancelsOneOfSeveralAnswers() throws InterruptedException {
    GenerationRequest request = request(5, 300, 30);
    for (int canceled = 0; canceled < 3; canceled++) {
      Engine engine = Engine.open(model, EngineOptions.DEFAULT.withStepTokens(32));
      hold(0);
      List<TokenStream> streams = engine.submit(request, 3);
      streams.get(canceled).cancel();
      release();
      for (int i = 0; i < 3; i++) {
        FinishReason finish = streams.get(i).result().result().finish();
        assertEquals(i == canceled, finish == FinishReason.CANCELED);
      }
      assertNoMemoryIsHeld(engine);
    }
  }

  @Test
  void startsHigherPrioritiesFirst() throws InterruptedException {
    List<Integer> order = new ArrayList<>();
    var listener =
        new EngineListener() {
          @Override
          public void onFinished(Completion completion) {
            order.add(completion.result().promptTokens());
          }
        };
    Engine engine =
        Engine.open(model, EngineOptions.DEFAULT.withSequences(1).withListener(listener));
    hold(1);
    TokenStream first = engine.submit(request(2, 1, 200));
    var _ = first.iterator().next();
    engine.submit(request(2, 2, 5));
    engine.submit(request(2, 3, 5).toBuilder().priority(1).build());
    release();
    assertNoMemoryIsHeld(engine);
    assertEquals(List.of(1, 3, 2), order);
  }

  @Test
  void timeoutEndsAnswer() throws InterruptedException {
    Engine engine = Engine.open(model, EngineOptions.DEFAULT.withSequences(1));
    TokenStream running = engine.submit(request(2, 10, 900));
    TokenStream waiting =
        engine.submit(request(2, 10, 900).toBuilder().timeout(Duration.ofNanos(1)).build());
    assertEquals(FinishReason.TIMEOUT, waiting.result().result().finish());
    running.cancel();
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void stopTokenEndsAnswer() throws InterruptedException {
    GenerationRequest request = request(6, 20, 30);
    List<Integer> whole = alone(request);
    int stop = whole.get(10);
    Engine engine = Engine.open(model);
    Completion completion =
        engine.submit(request.toBuilder().stopTokens(Set.of(stop)).build()).result();
    assertEquals(whole.subList(0, whole.indexOf(stop)), completion.result().tokens());
    assertEquals(FinishReason.STOP, completion.result().finish());
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void fullContextEndsAnswer() throws InterruptedException {
    Engine engine = Engine.open(model, EngineOptions.DEFAULT.withContext(70));
    GenerationRequest request = request(6, 60, 30);
    Completion completion = engine.submit(request).result();
    assertEquals(alone(request).subList(0, 11), completion.result().tokens());
    assertEquals(FinishReason.CONTEXT, completion.result().finish());
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void closeCancelsRunningRequests() {
    TokenStream running;
    TokenStream waiting;
    hold(0);
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withSequences(1))) {
      running = engine.submit(request(2, 10, 900));
      waiting = engine.submit(request(2, 10, 900));
    }
    assertEquals(FinishReason.CANCELED, running.result().result().finish());
    assertEquals(FinishReason.CANCELED, waiting.result().result().finish());
  }
}
