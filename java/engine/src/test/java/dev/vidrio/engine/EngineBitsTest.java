package dev.vidrio.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.LogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Tests that log-probabilities are equal bit for bit: alone, in a batch of 32, after a prefix-cache
 * hit, with drafts, and in short steps.
 */
@Timeout(120)
class EngineBitsTest extends BardCase {
  private static final int PROMPT = 200;
  private static final int TOKENS = 50;

  private static GenerationRequest request(int seed) {
    int[] prompt = prompt(seed, PROMPT);
    return GenerationRequest.builder(prompt)
        .options(
            GenerationOptions.DEFAULT
                .withTokens(TOKENS)
                .withIgnoreEnd(true)
                .withSampling(SamplingOptions.builder().temperature(1).seed(seed).build()))
        .logProbabilities(5)
        .build();
  }

  private static List<TokenLogProbability> tokens(TokenStream stream) {
    List<TokenLogProbability> tokens = stream.result().tokens();
    assertEquals(TOKENS, tokens.size());
    return tokens;
  }

  @Test
  void bitsAreIndependentOfOtherRequests() {
    List<TokenLogProbability> alone;
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withPrefixCache(false))) {
      alone = tokens(engine.submit(request(1)));
    }
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withAdaptiveDrafts(false))) {
      List<TokenStream> batch = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        batch.add(engine.submit(request(i)));
      }
      assertEquals(alone, tokens(batch.get(1)), "in a batch");
      TokenStream again = engine.submit(request(1));
      assertEquals(alone, tokens(again), "after a hit");
      assertEquals(192, again.result().cachedTokens());
      assertEquals(
          alone,
          tokens(engine.submit(request(1).toBuilder().draftTokens(6).build())),
          "with guesses");
      assertEquals(alone, tokens(engine.submit(request(1), 3).getFirst()), "with forks");
    }
    try (Engine engine =
        Engine.open(model, EngineOptions.DEFAULT.withSequences(2).withStepTokens(3))) {
      TokenStream other = engine.submit(request(2));
      assertEquals(alone, tokens(engine.submit(request(1))), "in short steps");
      other.cancel();
    }
  }

  /** Compares with a sum in double over the logits of a separate run. */
  @Test
  void scoresPromptTokens() {
    GenerationRequest request =
        request(3).toBuilder().options(GenerationOptions.DEFAULT.withTokens(0)).build();
    int[] prompt = request.prompt();
    try (Engine engine = Engine.open(model, EngineOptions.DEFAULT.withStepTokens(48));
        Session session = model.newSession(SessionOptions.DEFAULT)) {
      Completion first =
          engine.submit(request.toBuilder().promptLogProbabilities(3).build()).result();
      // The prompt is cached now, but must run again to be scored.
      Completion completion =
          engine.submit(request.toBuilder().promptLogProbabilities(3).build()).result();
      assertEquals(first.prompt(), completion.prompt());
      assertEquals(List.of(), completion.result().tokens());
      assertEquals(PROMPT, completion.prompt().size());
      assertNull(completion.prompt().getFirst());
      Sequence sequence = session.newSequence();
      for (int i = 1; i < PROMPT; i++) {
        MemorySegment logits = session.feed(sequence, prompt[i - 1]);
        TokenLogProbability scored = Objects.requireNonNull(completion.prompt().get(i));
        assertEquals(prompt[i], scored.token());
        assertEquals(LogProbability.of(logits, prompt[i]), scored.logProbability(), 1e-5);
        assertEquals(3, scored.top().size());
        int best = scored.top().getFirst().token();
        for (long t = 0; t < model.architecture().vocabulary(); t++) {
          if (logits.getAtIndex(JAVA_FLOAT, t) > logits.getAtIndex(JAVA_FLOAT, best)) {
            throw new AssertionError(t + " is more likely than " + best);
          }
        }
      }
    }
  }
}
