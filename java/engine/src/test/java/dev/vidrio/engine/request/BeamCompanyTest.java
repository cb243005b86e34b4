package dev.vidrio.engine.request;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.ShortAnswers;
import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests beam searches in batches with others and with little memory. */
@Timeout(120)
class BeamCompanyTest extends BeamCase {
  /** An answer without its timings. */
  private static List<Object> bits(Completion completion) {
    return List.of(completion.result(), completion.tokens(), score(completion));
  }

  private static List<List<Object>> bits(List<TokenStream> streams) {
    return results(streams).stream().map(BeamCompanyTest::bits).toList();
  }

  /** Runs searches and other requests together and compares with running alone. */
  private static void runTogether(EngineOptions options, UnaryOperator<GenerationRequest> change)
      throws InterruptedException {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      SamplingOptions sampling = SamplingOptions.builder().temperature(1).seed(i).build();
      requests.add(
          GenerationRequest.builder(prompt(i, 3 + 29 * i))
              .options(OPTIONS.withTokens(10 + 7 * i).withSampling(sampling))
              .logProbabilities(1)
              .draftTokens(i % 3)
              .build());
    }
    List<GenerationRequest> searches = new ArrayList<>();
    for (int width = 2; width <= 4; width++) {
      searches.add(
          change.apply(
              request(40 + width, 30 * width, BeamOptions.of(width)).toBuilder()
                  .options(OPTIONS.withTokens(70))
                  .build()));
    }
    List<List<TokenLogProbability>> aloneOthers = new ArrayList<>();
    List<List<List<Object>>> aloneSearches = new ArrayList<>();
    try (Engine alone = Engine.open(model)) {
      requests.forEach(each -> aloneOthers.add(alone.submit(each).result().tokens()));
      searches.forEach(each -> aloneSearches.add(bits(alone.submit(each, 2))));
    }
    Engine engine = Engine.open(model, options);
    for (int round = 0; round < 2; round++) {
      List<TokenStream> streams = new ArrayList<>();
      List<List<TokenStream>> beams = new ArrayList<>();
      for (int i = 0; i < requests.size(); i++) {
        streams.add(engine.submit(requests.get(i)));
        if (i % 3 == 1) {
          beams.add(engine.submit(searches.get(i / 3), 2));
        }
      }
      beams.add(engine.submit(searches.get(2), 2));
      for (int i = 0; i < requests.size(); i++) {
        assertEquals(aloneOthers.get(i), streams.get(i).result().tokens(), "request " + i);
      }
      for (int i = 0; i < searches.size(); i++) {
        assertEquals(aloneSearches.get(i), bits(beams.get(i)), "search " + i);
      }
    }
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void bitsAreIndependentOfOtherRequests() throws InterruptedException {
    runTogether(EngineOptions.DEFAULT, request -> request);
  }

  @Test
  void bitsAreIndependentOfStepSize() throws InterruptedException {
    runTogether(
        EngineOptions.DEFAULT.withSequences(4).withStepTokens(5).withPrefixCache(false),
        request -> request);
  }

  @Test
  @Tag("long")
  void bitsAreIndependentOfCacheSize() throws InterruptedException {
    EngineOptions options = withBlocks(11);
    runTogether(options, request -> request);
    runTogether(options.withPrefixCache(false), request -> request);
  }

  @Test
  void preemptedSearchResumes() throws InterruptedException {
    for (boolean prefixes : new boolean[] {true, false}) {
      GenerationRequest search =
          request(7, 70, BeamOptions.of(3)).toBuilder().options(OPTIONS.withTokens(120)).build();
      GenerationRequest first =
          GenerationRequest.builder(prompt(8, 200)).options(OPTIONS.withTokens(300)).build();
      GenerationRequest brief =
          search.toBuilder().beams(null).options(OPTIONS.withTokens(2)).build();
      List<List<Object>> alone;
      try (Engine engine = Engine.open(model)) {
        alone = bits(engine.submit(search, 3));
      }
      var answers = new ShortAnswers();
      Engine engine =
          Engine.open(model, withBlocks(10).withPrefixCache(prefixes).withListener(answers));
      List<List<TokenStream>> streams =
          answers.before(
              engine, brief, () -> List.of(engine.submit(first, 1), engine.submit(search, 3)));
      TokenStream other = streams.get(0).getFirst();
      assertEquals(alone, bits(streams.get(1)));
      assertEquals(300, other.result().result().tokens().size());
      assertTrue(engine.status().preemptions() > 0);
      assertNoMemoryIsHeld(engine);
    }
  }

  @Test
  void beamsShareBlocks() throws InterruptedException {
    GenerationRequest request =
        request(3, 400, BeamOptions.of(4)).toBuilder().options(OPTIONS.withTokens(30)).build();
    // Six full blocks of the prompt and one per beam; without sharing, 28.
    Engine engine = Engine.open(model, withBlocks(10));
    List<Completion> answers = results(engine.submit(request, 4));
    assertEquals(0, answers.get(0).cachedTokens());
    assertEquals(400, answers.get(1).cachedTokens());
    assertEquals(0, engine.status().preemptions());
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void canceledOrExpiredSearchReturnsBestSoFar() throws InterruptedException {
    GenerationRequest request =
        request(3, 30, BeamOptions.of(4)).toBuilder().options(OPTIONS.withTokens(600)).build();
    for (int canceled = 0; canceled < 3; canceled++) {
      Engine engine = Engine.open(model);
      hold(5 * canceled);
      List<TokenStream> streams = engine.submit(request, 3);
      awaitHeld();
      streams.get(canceled).cancel();
      for (Completion completion : results(streams)) {
        assertEquals(FinishReason.CANCELED, completion.result().finish());
      }
      assertNoMemoryIsHeld(engine);
    }
    Engine engine = Engine.open(model);
    Duration timeout = Duration.ofMillis(40);
    hold(5);
    List<TokenStream> streams = engine.submit(request.toBuilder().timeout(timeout).build(), 4);
    long end = System.nanoTime() + timeout.toNanos();
    while (System.nanoTime() - end < 0) {
      Thread.onSpinWait();
    }
    release();
    List<Completion> late = results(streams);
    double before = Double.POSITIVE_INFINITY;
    for (Completion completion : late) {
      assertEquals(FinishReason.TIMEOUT, completion.result().finish());
      if (completion.score() != null) {
        assertTrue(score(completion) <= before);
        before = score(completion);
      }
    }
    assertNoMemoryIsHeld(engine);
  }

  /** The first answer has no score either. */
  @Test
  void expiredSearchWithoutTokensHasNoScore() throws InterruptedException {
    GenerationRequest request =
        request(3, 30, BeamOptions.of(4)).toBuilder().timeout(Duration.ofNanos(1)).build();
    Engine engine = Engine.open(model);
    for (Completion completion : results(engine.submit(request, 2))) {
      assertEquals(FinishReason.TIMEOUT, completion.result().finish());
      assertEquals(List.of(), completion.result().tokens());
      assertNull(completion.score());
    }
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void closeEndsSearches() {
    List<TokenStream> running;
    List<TokenStream> waiting;
    hold(0);
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withSequences(4))) {
      GenerationRequest request =
          request(3, 30, BeamOptions.of(4)).toBuilder().options(OPTIONS.withTokens(600)).build();
      running = engine.submit(request, 2);
      waiting = engine.submit(request, 2);
    }
    for (TokenStream stream : List.of(running.get(1), waiting.get(0), waiting.get(1))) {
      assertEquals(FinishReason.CANCELED, stream.result().result().finish());
    }
  }
}
