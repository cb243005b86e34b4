package dev.vidrio.engine.request;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.BeamOptions.Stopping;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.ConstraintState;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Compares beams with {@link NaiveBeamSearch}. */
@Timeout(120)
class BeamSearchTest extends BeamCase {
  /** Returns likely end tokens: tokens of the most likely texts. */
  private static Set<Integer> likelyEnds(Engine engine, GenerationRequest request) {
    Set<Integer> ends = new HashSet<>();
    for (TokenStream stream :
        engine.submit(request.toBuilder().beams(BeamOptions.of(4)).build(), 4)) {
      List<Integer> tokens = stream.result().result().tokens();
      ends.add(tokens.get(3));
      ends.add(tokens.get(7));
    }
    return ends;
  }

  private static void assertDefined(Engine engine, GenerationRequest request) {
    BeamOptions beams = Objects.requireNonNull(request.beams());
    List<NaiveBeamSearch.Answer> expected;
    try (var naive = new NaiveBeamSearch(model, request, beams, SessionOptions.DEFAULT)) {
      expected = naive.search();
    }
    List<Completion> actual = results(engine.submit(request, beams.width()));
    for (int i = 0; i < beams.width(); i++) {
      String what = beams + ", answer " + i;
      assertEquals(expected.get(i).tokens(), actual.get(i).result().tokens(), what);
      // The sum over the vocabulary is in f32.
      assertEquals(expected.get(i).score(), score(actual.get(i)), 1e-4, what);
    }
  }

  @Test
  @Tag("long")
  void matchesNaiveSearch() throws InterruptedException {
    Engine engine = Engine.open(model);
    int seed = 0;
    for (int width : new int[] {1, 2, 3, 6}) {
      for (double penalty : new double[] {0, 1, 2.5, -0.5}) {
        for (Stopping stopping : Stopping.values()) {
          GenerationRequest request =
              request(++seed, 5 + 11 * (seed % 7), new BeamOptions(width, penalty, stopping));
          Set<Integer> ends = likelyEnds(engine, request);
          assertDefined(engine, request.toBuilder().stopTokens(ends).build());
        }
      }
    }
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void endsAndMinTokensMatchNaiveSearch() throws InterruptedException {
    Engine engine = Engine.open(model);
    for (int seed = 0; seed < 6; seed++) {
      GenerationRequest request = request(seed, 20, BeamOptions.of(3));
      Set<Integer> ends = likelyEnds(engine, request);
      assertDefined(engine, request.toBuilder().stopTokens(ends).minTokens(6).build());
      assertDefined(engine, request.toBuilder().options(OPTIONS.withIgnoreEnd(false)).build());
      assertDefined(
          engine, request.toBuilder().options(OPTIONS.withStop("e", "th").withTokens(8)).build());
    }
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void oneBeamIsGreedy() throws InterruptedException {
    Engine engine = Engine.open(model);
    for (int seed = 0; seed < 4; seed++) {
      GenerationRequest greedy =
          request(seed, 30, BeamOptions.of(1)).toBuilder()
              .options(OPTIONS.withTokens(60).withIgnoreEnd(seed % 2 == 0))
              .beams(null)
              .build();
      Completion expected = engine.submit(greedy).result();
      Completion actual =
          engine.submit(greedy.toBuilder().beams(BeamOptions.of(1)).build()).result();
      assertEquals(expected.result(), actual.result());
      assertEquals(expected.tokens(), actual.tokens());
      assertNull(expected.score());
    }
    assertNoMemoryIsHeld(engine);
  }

  /** With as many beams as texts, the search is exhaustive. */
  @Test
  void exhaustiveSearchRanksAllTexts() throws InterruptedException {
    Grammar grammar = Grammar.regex("[ab]{3}");
    GenerationRequest request =
        request(1, 20, BeamOptions.of(32)).toBuilder()
            .options(OPTIONS.withGrammar(grammar))
            .build();
    Map<List<Integer>, Double> all = new HashMap<>();
    try (Session session = model.newSession(SessionOptions.DEFAULT);
        Sequence sequence = session.newSequence()) {
      MemorySegment logits = session.feed(sequence, request.prompt());
      rank(session, sequence, model.constraints().get(grammar).start(), logits, List.of(), 0, all);
    }
    assertTrue(all.size() >= 8 && all.size() <= 32, "" + all.size());
    List<List<Integer>> expected =
        all.entrySet().stream()
            .sorted(Comparator.comparingDouble(text -> -text.getValue() / text.getKey().size()))
            .map(Map.Entry::getKey)
            .toList();
    Engine engine = Engine.open(model);
    List<Completion> actual = results(engine.submit(request, 32));
    for (int i = 0; i < 32; i++) {
      Completion answer = actual.get(i);
      assertEquals(FinishReason.STOP, answer.result().finish());
      if (i < expected.size()) {
        assertEquals(expected.get(i), answer.result().tokens());
        assertTrue(grammar.matches(answer.result().text()));
      } else {
        // There are no further texts.
        assertEquals(List.of(), answer.result().tokens());
        assertNull(answer.score());
      }
    }
    assertNoMemoryIsHeld(engine);
  }

  /** Lists all texts of a grammar with their log-probabilities, depth first. */
  private static void rank(
      Session session,
      Sequence sequence,
      ConstraintState state,
      MemorySegment row,
      List<Integer> text,
      double sum,
      Map<List<Integer>, Double> all) {
    if (state.mustEnd()) {
      all.put(text, sum);
      return;
    }
    float[] logits = row.toArray(ValueLayout.JAVA_FLOAT);
    double total = 0;
    for (float logit : logits) {
      total += Math.exp(logit);
    }
    for (int token = 0; token < logits.length; token++) {
      if (state.allows(token)) {
        List<Integer> longer = new ArrayList<>(text);
        longer.add(token);
        int length = sequence.length();
        MemorySegment next = session.feed(sequence, token);
        double more = sum + logits[token] - Math.log(total);
        rank(session, sequence, state.after(token), next, longer, more, all);
        sequence.truncate(length);
      }
    }
  }

  @Test
  void publishesTokensWithLogProbabilitiesAtTheEnd() throws InterruptedException {
    Engine engine = Engine.open(model);
    GenerationRequest request = request(3, 30, BeamOptions.of(3).withLengthPenalty(0));
    TokenStream stream = engine.submit(request);
    List<Integer> ids = new ArrayList<>();
    double sum = 0;
    for (GeneratedToken token : stream) {
      if (token.id() >= 0) {
        ids.add(token.id());
        TokenLogProbability probability = token.logProbability();
        assertNotNull(probability);
        assertEquals(2, probability.top().size());
        sum += probability.logProbability();
      }
    }
    Completion completion = stream.result();
    assertEquals(completion.result().tokens(), ids);
    assertEquals(score(completion), sum);
    assertEquals(FinishReason.LENGTH, completion.result().finish());
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void fullContextEndsSearch() throws InterruptedException {
    Engine engine = Engine.open(model, EngineOptions.DEFAULT.withContext(70));
    Completion completion =
        engine
            .submit(
                request(6, 60, BeamOptions.of(2)).toBuilder()
                    .options(OPTIONS.withTokens(30))
                    .build())
            .result();
    assertEquals(11, completion.result().tokens().size());
    assertEquals(FinishReason.CONTEXT, completion.result().finish());
    assertNoMemoryIsHeld(engine);
  }

  @Test
  void rejectsOptionsNotSupportedWithBeams() throws InterruptedException {
    GenerationRequest.Builder request = request(1, 10, BeamOptions.of(3)).toBuilder();
    assertRejected(
        "temperature 0.8: must be 0 with beams, which are not sampled",
        () -> request.options(GenerationOptions.DEFAULT).build());
    SamplingOptions penalized = SamplingOptions.builder().temperature(0).repeatPenalty(1.1).build();
    assertRejected(
        "beams 3: do not support penalties and logit bias",
        () -> request.options(OPTIONS.withSampling(penalized)).build());
    assertRejected(
        "number of tokens 0: must be positive with beams",
        () -> request.options(OPTIONS.withTokens(0)).build());
    request.options(OPTIONS);
    assertRejected("draft tokens 2: must be 0 with beams", () -> request.draftTokens(2).build());
    request.draftTokens(0);
    assertRejected(
        "watched true: is not supported with beams", () -> request.watched(true).build());
    assertRejected("beams 0: must be at least 1", () -> BeamOptions.of(0));
    assertRejected(
        "length penalty NaN: must be -100 to 100",
        () -> BeamOptions.of(1).withLengthPenalty(Double.NaN));
    Engine engine = Engine.open(model, withBlocks(4).withSequences(4));
    GenerationRequest search = request.watched(false).build();
    assertRejected("n 4: must be at most the number of beams, 3", () -> engine.submit(search, 4));
    assertRejected(
        "beams 5: must be 1 to 4",
        () -> engine.submit(search.toBuilder().beams(BeamOptions.of(5)).build()));
    assertRejected(
        "beams 3: may need 6 blocks of the key-value cache, which has 4: use fewer beams or tokens",
        () -> engine.submit(search.toBuilder().options(OPTIONS.withTokens(100)).build()));
    assertNoMemoryIsHeld(engine);
  }

  private static void assertRejected(String message, Runnable what) {
    var e = assertThrows(InvalidInputException.class, what::run);
    assertEquals(message, e.getMessage());
  }
}
