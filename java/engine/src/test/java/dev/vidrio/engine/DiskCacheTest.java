package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
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
  @MethodSource(TinyModels.NAMES)
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
    if (type != KvType.Q8_0) { // the fixture has heads of 16 elements
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
}
