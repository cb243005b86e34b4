package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.evaluation.Verification;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TextStream;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.TestExecutors;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests that receipts do not depend on how answers were computed, and that they verify. */
@Timeout(300)
class EngineReceiptTest extends BardCase {
  private static final boolean EXHAUSTIVE = Boolean.getBoolean("vidrio.test.exhaustive");

  @TempDir Path directory;

  private static GenerationRequest request(int seed) {
    return GenerationRequest.builder(prompt(seed, 150))
        .options(
            GenerationOptions.DEFAULT
                .withTokens(30)
                .withReceipt(true)
                .withSampling(SamplingOptions.builder().temperature(1).seed(seed).build()))
        .build();
  }

  private static Receipt receipt(Completion completion) {
    return Objects.requireNonNull(completion.result().receipt());
  }

  private static Receipt receipt(TokenStream stream) {
    return receipt(stream.result());
  }

  private static void assertVerified(Receipt receipt) {
    assertNull(Verification.of(model, receipt).difference());
  }

  @Test
  void receiptsAreIndependentOfOtherRequests() {
    Receipt alone;
    try (TextStream stream = model.generate(request(1).prompt(), request(1).options())) {
      alone = Objects.requireNonNull(stream.result().receipt());
    }
    assertVerified(alone);
    try (Engine engine =
        Engine.open(model, EngineOptions.DEFAULT.withSequences(64).withAdaptiveDrafts(false))) {
      List<TokenStream> batch = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        batch.add(engine.submit(request(i)));
      }
      assertEquals(alone, receipt(batch.get(1)), "in a batch of 64");
      batch.forEach(TokenStream::result);
      Completion again = engine.submit(request(1)).result();
      assertEquals(128, again.cachedTokens());
      assertEquals(alone, receipt(again), "after a hit");
      assertEquals(
          alone,
          receipt(engine.submit(request(1).toBuilder().draftTokens(6).build())),
          "with prompt lookup");
      List<TokenStream> several = engine.submit(request(1), 3);
      assertEquals(alone, receipt(several.getFirst()), "with forks");
      Receipt second = receipt(several.get(1));
      assertEquals(2, second.sampling().seed());
      assertVerified(second);
      assertNull(
          engine
              .submit(
                  request(1).toBuilder().options(request(1).options().withReceipt(false)).build())
              .result()
              .result()
              .receipt());
    }
    try (Engine engine =
        Engine.open(
            model,
            EngineOptions.DEFAULT.withDraft(model).withDraftTokens(5).withAdaptiveDrafts(false))) {
      assertEquals(alone, receipt(engine.submit(request(1))), "with a draft model");
      assertTrue(engine.status().acceptedTokens() > 0);
    }
    EngineOptions stored = EngineOptions.DEFAULT.withCacheDirectory(directory, 1L << 30);
    try (Engine engine = Engine.open(model, stored)) {
      assertEquals(alone, receipt(engine.submit(request(1))), "with a directory");
    }
    try (Engine engine = Engine.open(model, stored)) {
      Completion loaded = engine.submit(request(1)).result();
      assertEquals(128, loaded.cachedTokens());
      assertEquals(alone, receipt(loaded), "after a restart");
    }
  }

  @Test
  void preemptedAnswersHaveTheReceiptsOfOthers() {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      GenerationOptions options =
          GenerationOptions.DEFAULT.withTokens(150).withIgnoreEnd(true).withReceipt(true);
      requests.add(GenerationRequest.builder(prompt(i, 40)).options(options).build());
    }
    var answers = new ShortAnswers();
    try (Engine engine = Engine.open(model, withBlocks(6).withListener(answers))) {
      List<TokenStream> streams =
          answers.before(
              engine,
              request(model, 0, 3, 2),
              () -> requests.stream().map(engine::submit).toList());
      for (int i = 0; i < requests.size(); i++) {
        try (TextStream alone =
            model.generate(requests.get(i).prompt(), requests.get(i).options())) {
          assertEquals(alone.result().receipt(), receipt(streams.get(i)));
        }
      }
      assertTrue(engine.status().preemptions() > 0);
    }
  }

  /** Returns a request with random settings. */
  private static GenerationRequest random(Random random) {
    SamplingOptions.Builder sampling =
        SamplingOptions.builder()
            .temperature(random.nextInt(4) == 0 ? 0 : 2 * random.nextDouble())
            .topK(random.nextInt(3) == 0 ? 0 : random.nextInt(100))
            .topP(random.nextBoolean() ? 1 : random.nextDouble())
            .minP(random.nextBoolean() ? 0 : 0.2 * random.nextDouble())
            .seed(random.nextLong());
    if (random.nextBoolean()) {
      sampling
          .repeatPenalty(1 + random.nextDouble())
          .frequencyPenalty(random.nextDouble())
          .presencePenalty(random.nextDouble() - 0.5)
          .penaltyWindow(random.nextInt(200))
          .logitBias(Map.of(random.nextInt(100), 5 * random.nextFloat()));
    }
    GenerationOptions options =
        GenerationOptions.DEFAULT
            .withTokens(1 + random.nextInt(40))
            .withIgnoreEnd(random.nextBoolean())
            .withReceipt(true)
            .withSampling(sampling.build());
    options =
        switch (random.nextInt(6)) {
          case 0 -> options.withGrammar(Grammar.regex("[a-z ]{3,40}"));
          case 1 -> options.withGrammar(Grammar.jsonSchema("{\"enum\":[[1,2],\"be\",null]}"));
          case 2 -> options.withStop("e", "th");
          default -> options;
        };
    return GenerationRequest.builder(prompt(random.nextInt(20), 1 + random.nextInt(140)))
        .options(options)
        .minTokens(random.nextInt(2))
        .stopTokens(Set.of(random.nextInt(100)))
        .logProbabilities(random.nextInt(3) - 1)
        .priority(random.nextInt(3))
        .draftTokens(random.nextInt(5))
        .build();
  }

  /** Concurrent requests with shared prefixes, drafts, priorities and preemptions. */
  @Test
  void receiptsOfRandomRequestsUnderLoadVerify() {
    int count = EXHAUSTIVE ? 1000 : 120;
    var random = new Random(5);
    List<Receipt> receipts = new ArrayList<>();
    try (Engine engine = Engine.open(model, withBlocks(9).withSequences(16).withQueue(count))) {
      List<TokenStream> streams = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        streams.add(engine.submit(random(random)));
      }
      streams.forEach(stream -> receipts.add(receipt(stream)));
    }
    receipts.forEach(EngineReceiptTest::assertVerified);
    if (EXHAUSTIVE) {
      TestExecutors.all(2).forEach(executor -> verifySome(receipts, executor));
    }
    assertEquals(count, receipts.stream().map(Receipt::chain).distinct().count());
  }

  private static void verifySome(List<Receipt> receipts, Supplier<Executor> executor) {
    try (Model other = Model.open(BardFiles.q8(), ModelOptions.with(executor))) {
      for (Receipt receipt : receipts.subList(0, 20)) {
        assertNull(Verification.of(other, receipt).difference(), other.executor().name());
      }
    }
  }

  @Test
  void rejectsAnswersThatReceiptsCannotExpress() {
    Intervention edit = Intervention.zero(new HookPoint(HookSite.RESID_POST, 0));
    assertEquals(
        "receipt: not supported with edits of activations, which a receipt cannot express",
        assertThrows(
                InvalidInputException.class,
                () -> request(1).toBuilder().edits(List.of(edit)).build())
            .getMessage());
    GenerationOptions greedy = request(1).options().withSampling(SamplingOptions.GREEDY);
    assertEquals(
        "receipt: not supported with beams, since their tokens are not chosen one by one",
        assertThrows(
                InvalidInputException.class,
                () -> request(1).toBuilder().options(greedy).beams(BeamOptions.of(2)).build())
            .getMessage());
  }

  /** Captures do not change bits. */
  @Test
  void watchedAnswersHaveReceipts() {
    EngineOptions watching =
        EngineOptions.DEFAULT.withLens(new LensOptions("*.hook_resid_post", "", 1));
    try (Engine engine = Engine.open(model, watching)) {
      Completion completion = engine.submit(request(1).toBuilder().watched(true).build()).result();
      Objects.requireNonNull(completion.activations()).close();
      assertVerified(receipt(completion));
    }
  }

  @Test
  void requestsThatNeverBeganHaveNoReceipt() throws InterruptedException {
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withSequences(1))) {
      hold(0);
      TokenStream running = engine.submit(request(1));
      TokenStream waiting = engine.submit(request(2));
      awaitHeld();
      waiting.cancel();
      running.cancel();
      release();
      assertNull(waiting.result().result().receipt());
      assertVerified(receipt(running));
    }
  }
}
