package dev.vidrio.engine.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.EngineStatus;
import dev.vidrio.engine.ShortAnswers;
import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.engine.request.NaiveBeamSearch;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Tests models with recurrent states: forks, beams and drafts have the bits of a request that runs
 * alone from its first token, with little memory too.
 */
@Timeout(120)
class StatesTest {
  /** Blocks and states of a known ratio of sizes; drafts of full length at any speed. */
  private static final EngineOptions EXACT =
      EngineOptions.DEFAULT.withKvType(KvType.F32).withAdaptiveDrafts(false);

  private static final String STATES = "qwen35";
  private static final GenerationOptions OPTIONS =
      GenerationOptions.DEFAULT
          .withTokens(40)
          .withIgnoreEnd(true)
          .withSampling(SamplingOptions.GREEDY);

  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** Returns a repetitive text, for prompt lookup. */
  private static GenerationRequest repeating(int length) {
    return GenerationRequest.builder(IntStream.range(0, length).map(i -> 7 * (i % 5)).toArray())
        .options(OPTIONS)
        .draftTokens(6)
        .build();
  }

  private static GenerationRequest sampled(int length, int seed) {
    return GenerationRequest.builder(new Random(seed).ints(length, 0, 64).toArray())
        .options(OPTIONS.withSampling(SamplingOptions.builder().temperature(1).seed(seed).build()))
        .build();
  }

  private static List<Integer> alone(Model model, GenerationRequest request) {
    try (var stream = model.generate(request.prompt(), request.options(), SessionOptions.EXACT)) {
      return stream.result().tokens();
    }
  }

  private static List<Integer> tokens(TokenStream stream) {
    return stream.result().result().tokens();
  }

  @Test
  void draftsEndWhereTheyCannotBeRolledBack() throws IOException {
    try (Model model = open(STATES);
        Engine engine = Engine.open(model, EXACT)) {
      for (int length = 20; length < 37; length++) {
        GenerationRequest request = repeating(length);
        assertEquals(alone(model, request), tokens(engine.submit(request)), length + " tokens");
      }
      EngineStatus status = engine.status();
      assertTrue(status.draftTokens() > status.acceptedTokens(), status.toString());
    }
  }

  @ParameterizedTest
  @CsvSource({"llama, qwen35", "qwen35, llama", "qwen35, qwen35"})
  void draftModelsDraft(String name, String draftName) throws IOException {
    try (Model model = open(name);
        Model draft = open(draftName);
        Engine engine = Engine.open(model, EXACT.withDraft(draft))) {
      for (int length = 20; length < 37; length += 3) {
        GenerationRequest request = repeating(length);
        assertEquals(alone(model, request), tokens(engine.submit(request)), length + " tokens");
      }
      EngineStatus status = engine.status();
      assertTrue(status.draftTokens() > 0, status.toString());
      // A model that drafts for itself is always right.
      assertTrue(
          !name.equals(draftName) || status.draftTokens() == status.acceptedTokens(),
          status.toString());
    }
  }

  /** A request that ends at once has run nothing, and nothing is kept. */
  @Test
  void answersPromptsOfOneToken() throws IOException {
    try (Model model = open(STATES);
        Engine engine = Engine.open(model, EXACT)) {
      for (int tokens : new int[] {0, 1, 2}) {
        GenerationRequest request =
            sampled(1, 5).toBuilder().options(OPTIONS.withTokens(tokens)).build();
        assertEquals(alone(model, request), tokens(engine.submit(request)), tokens + " tokens");
      }
    }
  }

  @Test
  void severalAnswersShareTheStatesOfThePrompt() throws IOException {
    try (Model model = open(STATES);
        Engine engine = Engine.open(model, EXACT.withSequences(5))) {
      GenerationRequest request = sampled(37, 3);
      List<TokenStream> answers = engine.submit(request, 5);
      for (int i = 0; i < answers.size(); i++) {
        SamplingOptions sampling = SamplingOptions.builder().temperature(1).seed(3L + i).build();
        GenerationRequest each =
            request.toBuilder().options(OPTIONS.withSampling(sampling)).build();
        assertEquals(alone(model, each), tokens(answers.get(i)), "answer " + i);
      }
    }
  }

  private static GenerationRequest search(int length, int tokens, int width) {
    return sampled(length, length).toBuilder()
        .options(OPTIONS.withTokens(tokens))
        .beams(BeamOptions.of(width))
        .build();
  }

  private static List<List<Integer>> naive(Model model, GenerationRequest request, int width) {
    try (var naive =
        new NaiveBeamSearch(model, request, BeamOptions.of(width), SessionOptions.EXACT)) {
      return naive.search().stream().map(NaiveBeamSearch.Answer::tokens).toList();
    }
  }

  private static List<List<Integer>> tokens(List<TokenStream> streams) {
    return streams.stream().map(StatesTest::tokens).toList();
  }

  @Test
  void beamsShareStatesUntilTheyDiverge() throws IOException {
    try (Model model = open(STATES);
        Engine engine = Engine.open(model, EXACT.withSequences(4))) {
      GenerationRequest four = search(30, 12, 4);
      assertEquals(naive(model, four, 4), tokens(engine.submit(four, 4)));
      GenerationRequest three = search(17, 20, 3);
      assertEquals(naive(model, three, 3), tokens(engine.submit(three, 3)));
    }
  }

  /** Returns options with slots for some sequences and a number of blocks. */
  private static EngineOptions memory(Model model, int sequences, double blocks) {
    var shape = model.architecture().kvShape();
    long block = KvCache.bytes(shape, KvType.F32, 1);
    return EXACT
        .withSequences(sequences)
        .withPrefixCache(false)
        .withCacheBytes(sequences * shape.bytesPerSequence() + (long) (blocks * block));
  }

  @Test
  void requestsWaitForStateSlots() throws IOException {
    try (Model model = open(STATES)) {
      long state = model.architecture().kvShape().bytesPerSequence();
      EngineOptions little = EXACT.withCacheBytes(4 * state);
      try (Engine engine = Engine.open(model, little)) {
        assertEquals(2, engine.options().sequences());
        assertTrue(engine.options().cacheBytes() > 2 * state);
        assertTrue(engine.options().cacheBytes() <= 4 * state);
        List<GenerationRequest> requests =
            IntStream.range(0, 6).mapToObj(seed -> sampled(10 + 5 * seed, seed)).toList();
        List<TokenStream> streams = requests.stream().map(engine::submit).toList();
        for (int i = 0; i < requests.size(); i++) {
          assertEquals(alone(model, requests.get(i)), tokens(streams.get(i)), "request " + i);
        }
        var e = assertThrows(InvalidInputException.class, () -> engine.submit(requests.get(0), 3));
        assertEquals("n 3: must be 1 to 2", e.getMessage());
      }
    }
  }

  /** A sequence writes a block shared with its own checkpoint when no block is free. */
  @Test
  void evictsCheckpointForItsOwnSequence() throws IOException {
    Path file = TinyModels.writeLong(directory.resolve("long.gguf"), STATES);
    try (Model model = Model.open(file)) {
      long state = model.architecture().kvShape().bytesPerSequence();
      EngineOptions little = EXACT.withSequences(1).withContext(192).withCacheBytes(4 * state);
      try (Engine engine = Engine.open(model, little)) {
        assertEquals(3, engine.status().blocks());
        assertEquals(2, engine.status().slots());
        GenerationRequest request = sampled(150, 1);
        assertEquals(alone(model, request), tokens(engine.submit(request)));
      }
    }
  }

  /** Preempted beams run again from their first tokens. */
  @Test
  void preemptionDoesNotChangeBits() throws IOException {
    GenerationRequest search = search(55, 60, 2);
    List<GenerationRequest> requests = new ArrayList<>();
    for (int seed = 0; seed < 10; seed++) {
      GenerationRequest request = sampled(40, seed);
      GenerationOptions options = request.options().withTokens(80);
      requests.add(request.toBuilder().options(options).build());
    }
    GenerationRequest brief = sampled(40, 0).toBuilder().options(OPTIONS.withTokens(2)).build();
    var answers = new ShortAnswers();
    List<TokenStream> others = new ArrayList<>();
    try (Model model = open(STATES);
        // The requests need 20 blocks at the end, the beams at least 3.
        Engine engine = Engine.open(model, memory(model, 12, 22).withListener(answers))) {
      List<List<Integer>> expected = naive(model, search, 2);
      List<TokenStream> beams =
          answers.before(
              engine,
              brief,
              () -> {
                requests.forEach(request -> others.add(engine.submit(request)));
                return engine.submit(search, 2);
              });
      assertEquals(expected, tokens(beams));
      for (int i = 0; i < requests.size(); i++) {
        assertEquals(alone(model, requests.get(i)), tokens(others.get(i)), "request " + i);
      }
      assertTrue(engine.status().preemptions() > 0, engine.status().toString());
    }
  }

  /** After a preemption, beams share no blocks. */
  @Test
  void rejectsBeamsThatCouldExceedTheCache() throws IOException {
    GenerationRequest request =
        sampled(70, 1).toBuilder().options(OPTIONS.withTokens(20)).beams(BeamOptions.of(3)).build();
    try (Model model = open(STATES);
        Engine five = Engine.open(model, memory(model, 3, 5.5));
        Engine six = Engine.open(model, memory(model, 3, 6))) {
      assertEquals(5, five.status().blocks());
      var e = assertThrows(InvalidInputException.class, () -> five.submit(request));
      assertTrue(e.getMessage().contains("may need 6 blocks"), e.getMessage());
      assertEquals(20, tokens(six.submit(request)).size());
    }
  }
}
