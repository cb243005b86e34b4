package dev.vidrio.engine.draft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.EngineStatus;
import dev.vidrio.engine.LensOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.HeldExecutor;
import dev.vidrio.model.testfiles.TinyAdapter;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tests that blocks for multi-token prediction and EAGLE-3 heads save steps and change no answer.
 */
@Timeout(120)
class BlockDrafterTest {
  private static final int TOKENS = 50;
  private static final int OTHERS = 5;

  private static final EngineOptions ALWAYS = EngineOptions.DEFAULT.withAdaptiveDrafts(false);

  @TempDir Path directory;

  private Model open(String name, boolean draftBlock) throws IOException {
    Path file = directory.resolve(name + ".gguf");
    if (TinyModels.namesWithDraftHead().contains(name)) {
      Path head = draftBlock ? TinyModels.draftHead(name) : null;
      return Model.open(TinyModels.writeLong(file, name), ModelOptions.DEFAULT.withDraftHead(head));
    }
    Files.write(file, TinyModels.withDraftBlock(name).toBytes());
    return Model.open(file, ModelOptions.DEFAULT.withDraftBlock(draftBlock));
  }

  /** Returns a request with a prompt that begins as all others do. */
  private static GenerationRequest request(int seed, int drafts) {
    IntStream prompt =
        IntStream.concat(
            new Random(0).ints(70, 0, 64), new Random(seed).ints(10 + seed % 7, 0, 64));
    return GenerationRequest.builder(prompt.toArray())
        .options(
            GenerationOptions.DEFAULT
                .withTokens(TOKENS)
                .withIgnoreEnd(true)
                .withSampling(SamplingOptions.builder().temperature(0.3f).seed(seed).build()))
        .logProbabilities(3)
        .draftTokens(drafts)
        .build();
  }

  private List<List<TokenLogProbability>> withoutDrafts(String name) throws IOException {
    try (Model model = open(name, false);
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withPrefixCache(false))) {
      return IntStream.range(0, OTHERS)
          .mapToObj(seed -> engine.submit(request(seed, 0)).result().tokens())
          .toList();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"glm4moe", "qwen35", "llama", "qwen3"})
  void bitsAreThoseWithoutDrafts(String name) throws IOException {
    List<List<TokenLogProbability>> expected = withoutDrafts(name);
    try (Model model = open(name, true)) {
      long block = KvCache.bytes(model.architecture().kvShape(), ALWAYS.kvType(), 1);
      long states = 3 * model.architecture().kvShape().bytesPerSequence();
      // With five blocks, requests are preempted and drafts have no room.
      for (int blocks : new int[] {5, 100}) {
        try (Engine engine = Engine.open(model, ALWAYS.withCacheBytes(blocks * block + states))) {
          for (int round = 0; round < 2; round++) {
            List<TokenStream> streams =
                IntStream.range(0, OTHERS)
                    .mapToObj(seed -> engine.submit(request(seed, 1 + seed)))
                    .toList();
            for (int seed = 0; seed < OTHERS; seed++) {
              assertEquals(expected.get(seed), streams.get(seed).result().tokens());
            }
          }
          EngineStatus status = engine.status();
          assertTrue(status.draftTokens() > 0, status.toString());
        }
      }
    }
  }

  /**
   * Returns a model with layers that add nothing, so that the next token depends on the last one
   * alone, and a block that does not read hidden states: it predicts what the model generates.
   */
  private static GgufWriter predictable() {
    GgufWriter writer = TinyModels.withDraftBlock("hy_v3");
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = writer.parse("predictable", arena);
      addNothing(writer, gguf);
      for (GgufTensor tensor : gguf.tensors()) {
        if (tensor.name().endsWith("nextn.eh_proj.weight")) {
          put(writer, tensor, identity((int) tensor.dim(1), (int) tensor.dim(0)));
        } else if (tensor.name().endsWith("nextn.enorm.weight")) {
          put(writer, tensor, ones((int) tensor.dim(0)));
        } else if (tensor.name().endsWith("nextn.shared_head_norm.weight")) {
          MemorySegment norm = gguf.tensor("output_norm.weight").data();
          put(writer, tensor, norm.toArray(ValueLayout.JAVA_BYTE));
        }
      }
    }
    return writer;
  }

  /**
   * Opens a model with layers that add nothing, so that it repeats the last token, and a head that
   * predicts the token before the last one.
   */
  private Model openPredictableHead() throws IOException {
    GgufWriter model = TinyModels.longWithTokenizer("llama");
    GgufWriter head =
        TinyModels.draftHeadWriter("llama").bool("eagle3.norm_before_residual", false);
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = model.parse("predictable", arena);
      addNothing(model, gguf);
      Gguf parsed = head.parse("head", arena);
      addNothing(head, parsed);
      GgufTensor projection = parsed.tensor("fc.weight");
      put(head, projection, identity((int) projection.dim(1), (int) projection.dim(0)));
      MemorySegment norm = gguf.tensor("output_norm.weight").data();
      put(head, parsed.tensor("output_norm.weight"), norm.toArray(ValueLayout.JAVA_BYTE));
    }
    Path file = Files.write(directory.resolve("predictable.gguf"), model.toBytes());
    Path headFile = Files.write(directory.resolve("head.gguf"), head.toBytes());
    return Model.open(file, ModelOptions.DEFAULT.withDraftHead(headFile));
  }

  private static void addNothing(GgufWriter writer, Gguf gguf) {
    for (GgufTensor tensor : gguf.tensors()) {
      if (tensor.name().contains("attn_output") || tensor.name().contains("ffn_down")) {
        put(writer, tensor, new byte[(int) tensor.data().byteSize()]);
      }
    }
  }

  private static void put(GgufWriter writer, GgufTensor tensor, byte[] data) {
    long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
    writer.tensor(tensor.name(), tensor.type(), data, shape);
  }

  private static byte[] ones(int count) {
    var floats = new float[count];
    Arrays.fill(floats, 1);
    return MemorySegment.ofArray(floats).toArray(ValueLayout.JAVA_BYTE);
  }

  /** Returns the matrix [d, columns] of the identity and zeros, in BF16. */
  private static byte[] identity(int d, int columns) {
    var shorts = new short[columns * d];
    for (int i = 0; i < d; i++) {
      shorts[i * columns + i] = 0x3F80;
    }
    return MemorySegment.ofArray(shorts).toArray(ValueLayout.JAVA_BYTE);
  }

  private Model openPredictable() throws IOException {
    return openPredictable(ModelOptions.DEFAULT);
  }

  private Model openPredictable(ModelOptions options) throws IOException {
    Path file = Files.write(directory.resolve("predictable.gguf"), predictable().toBytes());
    return Model.open(file, options.withDraftBlock(true));
  }

  private static GenerationRequest greedy(int seed, int drafts) {
    GenerationRequest request = request(seed, drafts);
    return request.toBuilder()
        .options(request.options().withSampling(SamplingOptions.GREEDY))
        .build();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void acceptsRightDrafts(boolean head) throws IOException {
    try (Model model = head ? openPredictableHead() : openPredictable();
        Engine engine = Engine.open(model, ALWAYS)) {
      List<TokenLogProbability> expected = engine.submit(greedy(1, 0)).result().tokens();
      assertEquals(0, engine.status().draftTokens());
      long before = engine.status().steps();
      assertEquals(expected, engine.submit(greedy(1, 4)).result().tokens());
      EngineStatus status = engine.status();
      assertEquals(status.draftTokens(), status.acceptedTokens());
      // The first token comes from the prompt, then each step generates five.
      assertEquals(Math.ceilDiv(TOKENS - 1, 5) + 1, status.steps() - before);
    }
  }

  @Test
  void draftsByDefaultWhatPays() throws IOException {
    try (Model model = openPredictable();
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withDraftTokens(4))) {
      GenerationRequest many =
          greedy(1, -1).toBuilder()
              .options(greedy(1, -1).options().withTokens(500))
              .logProbabilities(-1)
              .build();
      engine.submit(many).result();
      assertTrue(engine.status().acceptedTokens() > 0, engine.status().toString());
    }
  }

  @Test
  void freesMemoryOfCanceledAnswers() throws Exception {
    var steps = new HeldExecutor();
    try (Model model = openPredictable(ModelOptions.with(() -> steps));
        Engine engine = Engine.open(model, ALWAYS.withPrefixCache(false))) {
      steps.hold(4);
      TokenStream canceled = engine.submit(greedy(1, 4));
      TokenStream other = engine.submit(greedy(2, 4));
      canceled.iterator().next();
      steps.awaitHeld();
      canceled.cancel();
      steps.release();
      assertEquals(FinishReason.CANCELED, canceled.result().result().finish());
      assertEquals(TOKENS, other.result().tokens().size());
      assertEquals(0, engine.status().usedBlocks());
    }
  }

  private static float[] direction(int width) {
    var direction = new float[width];
    for (int i = 0; i < width; i++) {
      direction[i] = (float) Math.sin(i);
    }
    return direction;
  }

  @Test
  void changesNoEditedOrWatchedAnswer() throws IOException {
    String points = "*.hook_resid_post";
    EngineOptions options = ALWAYS.withLens(new LensOptions(points, points, 1));
    List<List<TokenLogProbability>> expected = new ArrayList<>();
    for (boolean block : new boolean[] {false, true}) {
      try (Model model = open("glm4moe", block);
          Engine engine = Engine.open(model, options)) {
        Intervention edit =
            Intervention.add(new HookPoint(HookSite.RESID_POST, 1), 2, direction(32));
        int drafts = block ? 3 : 0;
        List<GenerationRequest> requests =
            List.of(
                request(1, drafts),
                request(1, drafts).toBuilder().edits(List.of(edit)).build(),
                request(2, drafts).toBuilder().watched(true).build());
        List<TokenStream> streams = requests.stream().map(engine::submit).toList();
        List<List<TokenLogProbability>> actual =
            streams.stream().map(stream -> stream.result().tokens()).toList();
        if (block) {
          assertEquals(expected, actual);
          assertTrue(engine.status().draftTokens() > 0);
        } else {
          expected = actual;
        }
      }
    }
  }

  private static List<TokenLogProbability> answer(Engine engine, int drafts) {
    return engine.submit(request(1, drafts)).result().tokens();
  }

  @Test
  void bitsAreThoseWithoutDraftsInBf16() throws IOException {
    EngineOptions options = ALWAYS.withArithmetic(Arithmetic.BF16).withKvType(KvType.BF16);
    List<TokenLogProbability> expected;
    try (Model model = open("glm4moe", false);
        Engine engine = Engine.open(model, options)) {
      expected = answer(engine, 0);
    }
    try (Model model = open("glm4moe", true);
        Engine engine = Engine.open(model, options)) {
      assertEquals(expected, answer(engine, 4));
    }
  }

  @Test
  void prefixesOnDiskAreNotThoseWithoutTheBlock() throws IOException {
    EngineOptions options = ALWAYS.withCacheDirectory(directory.resolve("cache"), 1 << 20);
    List<TokenLogProbability> expected = withoutDrafts("glm4moe").get(1);
    int run = 0;
    for (boolean block : new boolean[] {false, true, true}) {
      try (Model model = open("glm4moe", block);
          Engine engine = Engine.open(model, options)) {
        Completion completion = engine.submit(request(1, block ? 3 : 0)).result();
        assertEquals(expected, completion.tokens());
        assertEquals(run == 2 ? KvCache.BLOCK : 0, completion.cachedTokens(), "run " + run);
      }
      run++;
    }
  }

  @Test
  void prefixesOnDiskDependOnTheHead() throws IOException {
    EngineOptions options = ALWAYS.withCacheDirectory(directory.resolve("cache"), 1 << 20);
    Path file = TinyModels.writeLong(directory.resolve("model.gguf"), "llama");
    GgufWriter changed =
        TinyModels.draftHeadWriter("llama").bool("eagle3.norm_before_residual", false);
    Path head = TinyModels.draftHead("llama");
    Path other = Files.write(directory.resolve("other.gguf"), changed.toBytes());
    List<Integer> cached = new ArrayList<>();
    for (Path each : List.of(head, other, head)) {
      try (Model model = Model.open(file, ModelOptions.DEFAULT.withDraftHead(each));
          Engine engine = Engine.open(model, options)) {
        cached.add(engine.submit(request(1, 3)).result().cachedTokens());
      }
    }
    assertEquals(List.of(0, 0, KvCache.BLOCK), cached);
  }

  /** The head of llama has a matrix of the adapter's name, and of another shape. */
  @ParameterizedTest
  @CsvSource({"glm4moe, 48", "llama, 32"})
  void draftsForAdaptersAndBase(String name, int columns) throws IOException {
    GgufWriter writer = TinyAdapter.writer(64).string("general.architecture", name);
    var random = new SplittableRandom(3);
    for (int layer = 0; layer < 2; layer++) {
      String tensor = "blk." + layer + ".attn_output.weight";
      TinyAdapter.put(writer, tensor + ".lora_a", GgmlType.F32, random, columns, 4);
      TinyAdapter.put(writer, tensor + ".lora_b", GgmlType.F32, random, 4, 32);
    }
    Path file = Files.write(directory.resolve("adapter.gguf"), writer.toBytes());
    List<List<TokenLogProbability>> expected = new ArrayList<>();
    for (boolean block : new boolean[] {false, true}) {
      try (Model model = open(name, block);
          Engine engine = Engine.open(model, ALWAYS.withAdapters(1))) {
        var adaptation = new Adaptation(model.openAdapter(file), 1);
        int drafts = block ? 4 : 0;
        GenerationRequest base = request(1, drafts);
        List<TokenStream> streams =
            List.of(
                engine.submit(base),
                engine.submit(base.toBuilder().adaptation(adaptation).build()));
        List<List<TokenLogProbability>> actual =
            streams.stream().map(stream -> stream.result().tokens()).toList();
        assertNotEquals(actual.getFirst(), actual.getLast());
        if (block) {
          assertEquals(expected, actual);
        } else {
          expected = actual;
        }
      }
    }
  }
}
