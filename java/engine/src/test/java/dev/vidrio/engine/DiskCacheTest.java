package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.FaultyFileSystem;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.TinyAdapter;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tests that answers from prefixes on disk have the bits of answers without a cache: in every
 * architecture, element type and instruction set.
 */
@Timeout(120)
class DiskCacheTest {
  private static final int TOKENS = 8;
  private static final long MANY = 1L << 30;

  @TempDir Path directory;

  private static GenerationRequest request(Model model) {
    int length = Math.min(110, model.architecture().contextLength() - TOKENS);
    int vocabulary = model.architecture().vocabulary();
    return GenerationRequest.builder(new Random(1).ints(length, 0, vocabulary).toArray())
        .options(
            GenerationOptions.DEFAULT
                .withTokens(TOKENS)
                .withIgnoreEnd(true)
                .withSampling(SamplingOptions.builder().temperature(1).seed(7).build()))
        .logProbabilities(5)
        .build();
  }

  private static EngineOptions options() {
    return EngineOptions.DEFAULT.withSequences(1).withCacheBytes(1 << 22);
  }

  private EngineOptions stored() {
    return options().withCacheDirectory(directory.resolve("cache"), MANY);
  }

  private static List<TokenLogProbability> alone(Model model, EngineOptions options) {
    try (Engine engine =
        Engine.open(model, options.withCacheDirectory(null, MANY).withPrefixCache(false))) {
      return engine.submit(request(model)).result().tokens();
    }
  }

  /** Answers the request and returns the counts after the engine was closed. */
  private static DiskCacheStatus answer(
      Model model, EngineOptions options, List<TokenLogProbability> expected, int cached) {
    Engine engine = Engine.open(model, options);
    try (engine) {
      Completion completion = engine.submit(request(model)).result();
      assertEquals(expected, completion.tokens());
      assertEquals(cached, completion.cachedTokens());
    }
    EngineStatus status = engine.status();
    assertEquals(0, status.usedBlocks() + status.cachedBlocks(), status.toString());
    assertEquals(0, status.usedSlots() + status.cachedSlots(), status.toString());
    return status.disk();
  }

  /** Returns the tokens of the request that need not run again. */
  private static int whole(Model model) {
    int length = request(model).promptTokens();
    return model.architecture().kvShape().hasStates()
        ? (length - 1) / 16 * 16
        : (length - 1) / KvCache.BLOCK * KvCache.BLOCK;
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void bitsEqualThoseWithoutCache(String name) throws IOException {
    Path path = directory.resolve(name + ".gguf");
    Path file =
        TinyModels.has(name, Trait.LEARNED_POSITIONS)
            ? TinyModels.write(path, name)
            : TinyModels.writeLong(path, name);
    try (Model model = Model.open(file)) {
      List<TokenLogProbability> alone = alone(model, options());
      DiskCacheStatus first = answer(model, stored(), alone, 0);
      assertTrue(first.writtenBytes() > 0 && first.misses() > 0, first.toString());
      DiskCacheStatus second = answer(model, stored(), alone, whole(model));
      assertTrue(second.hits() > 0 && second.readBytes() > 0, second.toString());
      assertEquals(0, second.dropped());
    }
  }

  @ParameterizedTest
  @EnumSource(KvType.class)
  void bitsEqualThoseWithoutCacheForElementType(KvType type) throws IOException {
    List<Path> files = new ArrayList<>(List.of(BardFiles.q8()));
    if (!type.isScaled()) { // the fixture has heads of 16 elements
      files.add(TinyModels.writeLong(directory.resolve("model.gguf"), "qwen3next"));
    }
    for (Path file : files) {
      try (Model model = Model.open(file)) {
        EngineOptions options = stored().withKvType(type);
        List<TokenLogProbability> alone = alone(model, options);
        assertEquals(0, answer(model, options, alone, 0).hits());
        assertTrue(answer(model, options, alone, whole(model)).hits() > 0);
      }
    }
  }

  /** A file of one instruction set gives the same bits on all others, and on the Java executors. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen35", "lfm2"})
  void bitsAreIndependentOfInstructionSet(String name) throws IOException {
    Path file = TinyModels.writeLong(directory.resolve("model.gguf"), name);
    List<ModelOptions> executors = new ArrayList<>();
    for (Isa isa : Isa.usableHere()) {
      executors.add(ModelOptions.with(() -> NativeExecutor.create(isa, 2)));
    }
    executors.add(ModelOptions.with(() -> JavaExecutor.scalar(1)));
    executors.add(ModelOptions.with(() -> JavaExecutor.vector(1)));
    List<TokenLogProbability> alone;
    try (Model model = Model.open(file)) {
      alone = alone(model, options());
      answer(model, stored(), alone, 0);
    }
    for (ModelOptions executor : executors) {
      try (Model model = Model.open(file, executor)) {
        answer(model, stored(), alone, whole(model));
      }
    }
  }

  /** Returns the states on disk. */
  private List<Path> states() throws IOException {
    try (Stream<Path> files = Files.walk(directory.resolve("cache"))) {
      return files.filter(file -> file.toString().matches(".*\\.(block|state)")).sorted().toList();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen35"})
  void damagedFilesAreMisses(String name) throws IOException {
    Path file = TinyModels.writeLong(directory.resolve("model.gguf"), name);
    try (Model model = Model.open(file)) {
      List<TokenLogProbability> alone = alone(model, options());
      answer(model, stored(), alone, 0);
      for (Path state : states()) {
        byte[] bytes = Files.readAllBytes(state);
        bytes[bytes.length / 2] ^= 4;
        Files.write(state, bytes);
      }
      DiskCacheStatus damaged = answer(model, stored(), alone, 0);
      assertEquals(0, damaged.hits());
      assertTrue(damaged.misses() > 0, damaged.toString());
      // A checkpoint is several files, and a lookup ends at the first damaged one.
      int runs = 0;
      while (!isHit(model)) {
        assertTrue(++runs < 4, "written again");
      }
      answer(model, stored(), alone, whole(model));
    }
  }

  private boolean isHit(Model model) {
    try (Engine engine = Engine.open(model, stored())) {
      return engine.submit(request(model)).result().cachedTokens() > 0;
    }
  }

  /** The last block or the states are missing, as after a deletion. */
  @Test
  void usesWhatIsLeft() throws IOException {
    try (Model model = Model.open(BardFiles.q8())) {
      int[] prompt = new Random(2).ints(300, 0, model.architecture().vocabulary()).toArray();
      GenerationRequest long300 = request(model).toBuilder().prompt(prompt).build();
      EngineOptions options = stored().withCacheBytes(1 << 26);
      for (int[] expected : new int[][] {{0, 256}, {256, 256}}) {
        try (Engine engine = Engine.open(model, options)) {
          assertEquals(expected[0], engine.submit(long300).result().cachedTokens());
        }
      }
      for (Path state : states()) {
        if (String.valueOf(state.getFileName()).startsWith("192-")) {
          Files.delete(state);
        }
      }
      try (Engine engine = Engine.open(model, options)) {
        assertEquals(128, engine.submit(long300).result().cachedTokens());
      }
    }
  }

  /** Lets each operation on a new directory fail in turn, and on one that has the prefix. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "lfm2"})
  void bitsAreIndependentOfFailedOperations(String name) throws IOException {
    var files = new FaultyFileSystem();
    Path cache = directory.resolve("cache");
    EngineOptions options = options().withCacheDirectory(files.path(cache), MANY);
    try (Model model = Model.open(TinyModels.writeLong(directory.resolve("m.gguf"), name))) {
      List<TokenLogProbability> alone = alone(model, options());
      for (boolean isNew : new boolean[] {true, false}) {
        int operations =
            files.failEach(
                () -> clear(cache, isNew),
                () -> {
                  try (Engine engine = Engine.open(model, options)) {
                    assertEquals(alone, engine.submit(request(model)).result().tokens());
                  }
                },
                e -> assertInstanceOf(InvalidInputException.class, e),
                () -> assertFalse(isNew && hasTemporaryFiles(cache)));
        assertTrue(operations > 10, () -> operations + " operations");
      }
    }
  }

  private static void clear(Path directory, boolean isNew) throws IOException {
    if (isNew && Files.exists(directory)) {
      try (Stream<Path> paths = Files.walk(directory)) {
        for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  private static boolean hasTemporaryFiles(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return false;
    }
    try (Stream<Path> paths = Files.walk(directory)) {
      return paths.anyMatch(path -> path.getFileName().toString().startsWith("tmp-"));
    }
  }

  @Test
  void tenantsNeverShare() throws IOException {
    try (Model model = Model.open(BardFiles.q8())) {
      for (String salt : List.of("", "one", "two")) {
        for (int cached : new int[] {0, 64}) {
          try (Engine engine = Engine.open(model, stored())) {
            GenerationRequest salted = request(model).toBuilder().cacheSalt(salt).build();
            assertEquals(cached, engine.submit(salted).result().cachedTokens(), salt);
          }
        }
      }
    }
  }

  @Test
  void changedWeightMisses() throws IOException {
    Path file = TinyModels.writeLong(directory.resolve("model.gguf"), "llama");
    try (Model model = Model.open(file)) {
      answer(model, stored(), alone(model, options()), 0);
    }
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 8] ^= 1;
    Files.write(file, bytes);
    try (Model model = Model.open(file)) {
      assertEquals(0, answer(model, stored(), alone(model, options()), 0).hits());
    }
  }

  @Test
  void adaptersHaveTheirOwnPrefixes() throws IOException {
    Path file = TinyModel.write(directory.resolve("tiny.gguf"), TinyModel.Options.standard());
    Path one = TinyAdapter.write(directory.resolve("one.gguf"), 4, 8, 1);
    Path two = TinyAdapter.write(directory.resolve("two.gguf"), 4, 8, 2);
    for (int cached : new int[] {0, 64}) {
      try (Model model = Model.open(file);
          Adapter first = model.openAdapter(one);
          Adapter second = model.openAdapter(two);
          Engine engine = Engine.open(model, stored().withAdapters(1))) {
        List<@Nullable Adaptation> adaptations = new ArrayList<>();
        adaptations.add(null);
        adaptations.add(new Adaptation(first, 1));
        adaptations.add(new Adaptation(first, 2));
        adaptations.add(new Adaptation(second, 1));
        for (Adaptation adaptation : adaptations) {
          GenerationRequest adapted = request(model).toBuilder().adaptation(adaptation).build();
          assertEquals(cached, engine.submit(adapted).result().cachedTokens());
        }
      }
    }
  }

  @Test
  void rejectsDirectoriesThatCannotBeWritten() throws IOException {
    Path file = Files.createFile(directory.resolve("file"));
    try (Model model = Model.open(BardFiles.q8())) {
      EngineOptions options = options().withCacheDirectory(file, MANY);
      var e = assertThrows(InvalidInputException.class, () -> Engine.open(model, options));
      assertTrue(
          e.getMessage().startsWith("cache directory " + file + ": cannot be written"),
          e.getMessage());
    }
  }

  /** The directory disappears while the engine runs: requests are answered all the same. */
  @Test
  void answersWithoutDirectory() throws IOException {
    try (Model model = Model.open(BardFiles.q8());
        Engine engine = Engine.open(model, stored())) {
      try (Stream<Path> files = Files.walk(directory.resolve("cache"))) {
        for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
      Files.createFile(directory.resolve("cache"));
      for (int i = 0; i < 2; i++) {
        assertEquals(alone(model, options()), engine.submit(request(model)).result().tokens());
      }
    }
  }

  /** The writer holds the slot of a checkpoint while all sequences need one. */
  @Test
  void writerHasSlotOfItsOwn() throws IOException {
    Path file = TinyModels.writeLong(directory.resolve("model.gguf"), "qwen35");
    try (Model model = Model.open(file)) {
      long bytes = 6 * model.architecture().kvShape().bytesPerSequence();
      EngineOptions little = options().withSequences(3).withCacheBytes(bytes);
      try (Engine engine = Engine.open(model, little);
          Engine stored =
              Engine.open(model, little.withCacheDirectory(directory.resolve("cache"), MANY))) {
        assertEquals(3, engine.status().slots());
        assertEquals(4, stored.status().slots());
      }
    }
  }

  /** Memory for one request only: blocks are evicted while others are loaded and written. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen35"})
  void bitsAreIndependentOfMemory(String name) throws IOException {
    Path file = TinyModels.writeLong(directory.resolve("model.gguf"), name);
    try (Model model = Model.open(file)) {
      var shape = model.architecture().kvShape();
      long bytes = 5 * KvCache.bytes(shape, KvType.F32, 1) + 4 * shape.bytesPerSequence();
      EngineOptions little = stored().withSequences(4).withCacheBytes(bytes);
      List<GenerationRequest> requests = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        int[] prompt = request(model).prompt();
        prompt[20 * (i % 4)] = 1;
        requests.add(request(model).toBuilder().prompt(prompt).build());
      }
      List<List<TokenLogProbability>> alone = new ArrayList<>();
      try (Engine engine = Engine.open(model, options().withPrefixCache(false))) {
        requests.forEach(each -> alone.add(engine.submit(each).result().tokens()));
      }
      for (int round = 0; round < 2; round++) {
        try (Engine engine = Engine.open(model, little)) {
          List<TokenStream> streams = requests.stream().map(engine::submit).toList();
          for (int i = 0; i < streams.size(); i++) {
            assertEquals(alone.get(i), streams.get(i).result().tokens(), "request " + i);
          }
        }
      }
    }
  }

  /** The model is closed while states are read and written. */
  @Test
  void closesWithModel() throws IOException {
    for (int i = 0; i < 3; i++) {
      Model model = Model.open(BardFiles.q8());
      Engine engine = Engine.open(model, stored());
      TokenStream answer =
          engine.submit(
              request(model).toBuilder()
                  .cacheSalt("" + i)
                  .options(GenerationOptions.DEFAULT.withTokens(300).withIgnoreEnd(true))
                  .build());
      var _ = answer.iterator().next();
      model.close();
      engine.close();
      assertEquals(0, engine.status().usedBlocks());
    }
  }
}
