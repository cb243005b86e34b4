package dev.vidrio.engine.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.EngineStatus;
import dev.vidrio.engine.LensOptions;
import dev.vidrio.engine.ShortAnswers;
import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.engine.request.NaiveBeamSearch;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tests that requests that resume from checkpoints have the bits of those that run alone from their
 * first token.
 */
@Timeout(180)
class PrefixCheckpointsTest {
  /** Blocks and states of a known ratio of sizes; drafts of full length at any speed. */
  private static final EngineOptions EXACT =
      EngineOptions.DEFAULT.withKvType(KvType.F32).withAdaptiveDrafts(false);

  private static final int VOCABULARY = 64;
  private static final int TOKENS = 20;

  @TempDir Path directory;

  private Model model = unopened();

  @SuppressWarnings("NullAway") // JUnit opens it before each test
  private static Model unopened() {
    return null;
  }

  @BeforeEach
  void open() throws IOException {
    model = open("qwen35");
  }

  @AfterEach
  void close() {
    model.close();
  }

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.writeLong(directory.resolve(name + ".gguf"), name));
  }

  private static int[] random(int seed, int length) {
    return new Random(seed).ints(length, 0, VOCABULARY).toArray();
  }

  /** Returns the first tokens of a text, followed by others. */
  private static int[] with(int[] text, int count, int... more) {
    return IntStream.concat(IntStream.of(text).limit(count), IntStream.of(more)).toArray();
  }

  private static GenerationRequest request(int... prompt) {
    return GenerationRequest.builder(prompt)
        .options(
            GenerationOptions.DEFAULT
                .withTokens(TOKENS)
                .withIgnoreEnd(true)
                .withSampling(SamplingOptions.builder().temperature(1).seed(3).build()))
        .logProbabilities(2)
        .build();
  }

  private static List<TokenLogProbability> alone(Model model, GenerationRequest request) {
    EngineOptions options = EXACT.withSequences(1).withPrefixCache(false);
    if (!request.edits().isEmpty()) {
      options = options.withLens(new LensOptions("", "*.hook_resid_post", 0));
    }
    try (Engine engine = Engine.open(model, options)) {
      var plain = request.toBuilder().draftTokens(0).watched(false).build();
      return engine.submit(plain).result().tokens();
    }
  }

  /** Runs a request, compares it with running alone, and returns its completion. */
  private Completion answer(Engine engine, GenerationRequest request) {
    Completion completion = engine.submit(request).result();
    assertEquals(alone(engine.model(), request), completion.tokens());
    return completion;
  }

  private static void assertNoMemoryIsUsed(Engine engine) throws InterruptedException {
    assertTrue(engine.drain(Duration.ofSeconds(60)));
    EngineStatus status = engine.status();
    assertEquals(0, status.usedBlocks(), status.toString());
    assertEquals(0, status.usedSlots(), status.toString());
    engine.close();
    assertEquals(0, engine.status().cachedBlocks());
    assertEquals(0, engine.status().cachedSlots());
  }

  /** A template may render the end of the prompt differently in the next turn. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "qwen35",
        "qwen35moe",
        "qwen3next",
        "granitehybrid",
        "nemotron_h",
        "nemotron_h_moe",
        "recurrent_gemma"
      })
  void nextTurnResumesNearTheEndOfThePrompt(String name) throws Exception {
    int[] prompt = random(1, 150);
    try (Model other = open(name);
        Engine engine = Engine.open(other, EXACT)) {
      assertEquals(0, answer(engine, request(prompt)).cachedTokens());
      EngineStatus status = engine.status();
      assertEquals(1, status.cachedSlots(), status.toString());
      assertEquals(3, status.cachedBlocks(), status.toString());
      // The checkpoint is at 144 and reaches back to 128.
      assertEquals(144, answer(engine, request(prompt)).cachedTokens());
      for (int common : new int[] {148, 144, 137, 128}) {
        int[] next = with(prompt, common, random(common, 50));
        next[common] = (prompt[common] + 1) % VOCABULARY;
        assertEquals(Math.min(common, 144), answer(engine, request(next)).cachedTokens());
      }
      int[] parted = with(prompt, 127, random(7, 50));
      parted[127] = (prompt[127] + 1) % VOCABULARY;
      assertEquals(0, answer(engine, request(parted)).cachedTokens());
      assertNoMemoryIsUsed(engine);
    }
  }

  @Test
  void nextTurnResumesAtTheEndOfTheAnswer() throws Exception {
    int[] prompt = random(1, 100);
    GenerationRequest request = request(prompt);
    GenerationRequest longer =
        request.toBuilder().options(request.options().withTokens(80)).build();
    try (Engine engine = Engine.open(model, EXACT)) {
      int[] answer =
          answer(engine, longer).tokens().stream().mapToInt(TokenLogProbability::token).toArray();
      assertEquals(80, answer.length);
      // The last token did not run.
      int[] next = with(with(prompt, 100, answer), 180, random(2, 30));
      assertEquals(179, answer(engine, request(next)).cachedTokens());
      assertEquals(2, engine.status().cachedSlots());
      // An equal answer is kept once.
      answer(engine, longer);
      assertEquals(2, engine.status().cachedSlots());
      assertNoMemoryIsUsed(engine);
    }
  }

  @Test
  void thirdPromptResumesWhereTheFirstTwoDiverge() throws Exception {
    int[] system = random(1, 200);
    try (Engine engine = Engine.open(model, EXACT)) {
      for (int i = 0; i < 5; i++) {
        int[] prompt = with(system, 200, random(10 + i, 70));
        prompt[200] = i;
        assertEquals(
            i < 2 ? 0 : 192, answer(engine, request(prompt)).cachedTokens(), "prompt " + i);
      }
      assertNoMemoryIsUsed(engine);
    }
  }

  @Test
  void concurrentPromptsShareTheirCommonPrefix() throws Exception {
    int[] system = random(1, 200);
    EngineOptions options = EXACT.withSequences(8).withStepTokens(64);
    try (Engine engine = Engine.open(model, options)) {
      List<GenerationRequest> requests =
          IntStream.range(0, 8)
              .mapToObj(i -> request(with(system, 200, random(10 + i, 10 * i + 1))))
              .toList();
      List<TokenStream> streams = requests.stream().map(engine::submit).toList();
      int cached = 0;
      for (int i = 0; i < 8; i++) {
        Completion completion = streams.get(i).result();
        assertEquals(alone(model, requests.get(i)), completion.tokens(), "request " + i);
        cached += completion.cachedTokens();
      }
      assertTrue(cached >= 4 * 192, cached + " tokens");
      assertNoMemoryIsUsed(engine);
    }
  }

  private static GenerationRequest greedy(int... prompt) {
    GenerationRequest request = request(prompt);
    return request.toBuilder()
        .options(request.options().withSampling(SamplingOptions.GREEDY))
        .build();
  }

  private static GenerationRequest beams(int[] prompt, int width) {
    return greedy(prompt).toBuilder().beams(BeamOptions.of(width)).build();
  }

  private List<List<Integer>> naive(GenerationRequest search, int width) {
    try (var naive =
        new NaiveBeamSearch(model, search, BeamOptions.of(width), SessionOptions.EXACT)) {
      return naive.search().stream().map(NaiveBeamSearch.Answer::tokens).toList();
    }
  }

  @Test
  void answersBeamsAndDraftsResumeFromCheckpoints() throws Exception {
    int[] prompt = IntStream.range(0, 137).map(i -> 7 * (i % 5)).toArray();
    GenerationRequest greedy = greedy(prompt);
    GenerationRequest search = beams(prompt, 3);
    List<List<Integer>> beams = naive(search, 3);
    for (EngineOptions options : List.of(EXACT, EXACT.withDraft(model))) {
      try (Engine engine = Engine.open(model, options)) {
        for (int cached : new int[] {0, 128}) {
          GenerationRequest guessed = greedy.toBuilder().draftTokens(5).build();
          assertEquals(cached, answer(engine, guessed).cachedTokens());
          List<TokenStream> answers = engine.submit(request(prompt), 3);
          for (int i = 0; i < 3; i++) {
            SamplingOptions sampling =
                SamplingOptions.builder().temperature(1).seed(3L + i).build();
            GenerationRequest each = request(prompt);
            each = each.toBuilder().options(each.options().withSampling(sampling)).build();
            assertEquals(alone(model, each), answers.get(i).result().tokens());
          }
          List<List<Integer>> found =
              engine.submit(search, 3).stream()
                  .map(stream -> stream.result().result().tokens())
                  .toList();
          assertEquals(beams, found);
        }
        assertTrue(options.draft() == null || engine.status().draftTokens() > 0);
        assertNoMemoryIsUsed(engine);
      }
    }
  }

  @Test
  void doesNotShareAcrossSaltsAdaptersAndEdits() throws Exception {
    int[] prompt = random(1, 150);
    var direction = new float[model.architecture().width()];
    for (int i = 0; i < direction.length; i++) {
      direction[i] = (float) Math.sin(i);
    }
    Intervention edit = Intervention.add(new HookPoint(HookSite.RESID_POST, 1), 8, direction);
    GenerationRequest plain = request(prompt);
    GenerationRequest steered = plain.toBuilder().edits(List.of(edit)).build();
    var lens = new LensOptions("*.hook_resid_post", "*.hook_resid_post", 1);
    try (Engine engine = Engine.open(model, EXACT.withLens(lens))) {
      assertEquals(0, answer(engine, steered).cachedTokens());
      assertEquals(0, engine.status().cachedSlots());
      assertEquals(0, answer(engine, plain).cachedTokens());
      assertEquals(0, answer(engine, steered).cachedTokens());
      assertNotEquals(alone(model, plain), alone(model, steered));
      assertEquals(144, answer(engine, plain).cachedTokens());
      GenerationRequest salted = plain.toBuilder().cacheSalt("another").build();
      assertEquals(0, answer(engine, salted).cachedTokens());
      assertEquals(144, answer(engine, salted).cachedTokens());
      GenerationRequest watched = plain.toBuilder().watched(true).build();
      assertEquals(0, answer(engine, watched).cachedTokens());
      GenerationRequest scored = plain.toBuilder().promptLogProbabilities(0).build();
      assertEquals(0, answer(engine, scored).cachedTokens());
      assertNoMemoryIsUsed(engine);
    }
  }

  /** Returns options with memory of a number of slots; half of them hold states. */
  private EngineOptions memory(int slots, int sequences) {
    long bytes = slots * model.architecture().kvShape().bytesPerSequence();
    return EXACT.withCacheBytes(bytes).withSequences(sequences);
  }

  @Test
  void evictsLeastRecentlyUsedFirst() throws Exception {
    int[] prompts = {0, 1, 2, 3, 0, 4, 1, 0};
    int[] cached = {0, 0, 0, 0, 96, 0, 0, 96};
    try (Engine engine = Engine.open(model, memory(40, 1))) {
      // The running sequence uses one slot, so four prompts are kept.
      assertEquals(5, engine.status().slots());
      for (int i = 0; i < prompts.length; i++) {
        GenerationRequest request = request(random(prompts[i], 100));
        assertEquals(cached[i], answer(engine, request).cachedTokens(), "request " + i);
      }
      assertEquals(4, engine.status().cachedSlots());
      assertNoMemoryIsUsed(engine);
    }
  }

  @Test
  void keepsMoreCheckpointsIfStatesAreSmall() {
    int sixteenth = 16 * 17;
    for (int slots : new int[] {10, 16 * 7, sixteenth, 100 * sixteenth}) {
      try (Engine engine = Engine.open(model, memory(slots, 1))) {
        assertEquals(Math.clamp(slots / 16, 5, 17), engine.status().slots());
      }
    }
    EngineOptions without = memory(sixteenth, 1).withPrefixCache(false);
    try (Engine engine = Engine.open(model, without)) {
      assertEquals(1, engine.status().slots());
    }
  }

  @Test
  void closeFreesCheckpoints() throws Exception {
    Engine engine = Engine.open(model, EXACT);
    answer(engine, request(random(1, 150)));
    assertEquals(1, engine.status().cachedSlots());
    List<TokenStream> streams =
        IntStream.range(0, 3).mapToObj(i -> engine.submit(request(random(1, 150 + i)))).toList();
    engine.close();
    streams.forEach(TokenStream::result);
    assertNoMemoryIsUsed(engine);
  }

  private static List<GenerationRequest> manyLikeOthers() {
    var random = new Random(1);
    int[][] trunks = {random(1, 130), random(2, 90)};
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      int[] trunk = trunks[random.nextInt(2)];
      int common = random.nextInt(1 + trunk.length);
      GenerationRequest request = request(with(trunk, common, random(i, 1 + random.nextInt(30))));
      requests.add(
          request.toBuilder()
              .options(request.options().withTokens(1 + random.nextInt(40)))
              .draftTokens(random.nextInt(4))
              .priority(random.nextInt(2))
              .build());
    }
    return requests;
  }

  /** The results of requests and beam searches that run alone. */
  private record Alone(List<List<TokenLogProbability>> answers, List<List<Integer>> beams) {}

  /** Computed by the first case, since all have the same requests. */
  private static @Nullable Alone ofAll;

  /** Many requests with common prefixes, with so little memory that some wait or are preempted. */
  @ParameterizedTest
  @CsvSource({"6, 3", "10, 2", "10, 5", "16, 8", "60, 12"})
  void littleMemoryDoesNotChangeBits(int slots, int sequences) throws Exception {
    List<GenerationRequest> requests = manyLikeOthers();
    GenerationRequest search = beams(with(random(2, 90), 70), 2);
    Alone alone = ofAll;
    if (alone == null) {
      alone =
          new Alone(
              requests.stream().map(request -> alone(model, request)).toList(), naive(search, 2));
      ofAll = alone;
    }
    try (Engine engine = Engine.open(model, memory(slots, sequences).withStepTokens(100))) {
      for (int round = 0; round < 2; round++) {
        List<TokenStream> streams = new ArrayList<>();
        for (GenerationRequest request : requests) {
          // The first of two answers equals a single one; the other may be canceled at any time.
          streams.addAll(engine.submit(request, 2));
          engine.submit(request).cancel();
        }
        assertEquals(
            alone.beams,
            engine.submit(search, 2).stream()
                .map(each -> each.result().result().tokens())
                .toList());
        for (int i = 0; i < requests.size(); i++) {
          assertEquals(alone.answers.get(i), streams.get(2 * i).result().tokens(), "request " + i);
        }
      }
      assertTrue(engine.status().cachedTokens() > 0, engine.status().toString());
      assertNoMemoryIsUsed(engine);
    }
  }

  @Test
  void preemptedRequestResumesFromCheckpoint() throws Exception {
    GenerationRequest brief = request(random(1, 100));
    List<GenerationRequest> requests = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      GenerationRequest request = request(random(i, 100));
      requests.add(request.toBuilder().options(request.options().withTokens(100)).build());
    }
    var answers = new ShortAnswers();
    // The requests need 16 blocks at the end.
    try (Engine engine = Engine.open(model, memory(14, 4).withListener(answers))) {
      List<TokenStream> streams =
          answers.before(
              engine,
              brief.toBuilder().options(brief.options().withTokens(1)).build(),
              () -> requests.stream().map(engine::submit).toList());
      for (int i = 0; i < requests.size(); i++) {
        assertEquals(alone(model, requests.get(i)), streams.get(i).result().tokens());
      }
      assertTrue(engine.status().preemptions() > 0, engine.status().toString());
      assertNoMemoryIsUsed(engine);
    }
  }
}
