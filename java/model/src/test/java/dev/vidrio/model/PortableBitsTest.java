package dev.vidrio.model;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TestExecutors;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tests that the bits of logits depend only on the model and the preceding tokens: every executor,
 * number of workers, chunking of the prompt and batch gives the bits of the scalar C kernels.
 */
@Execution(ExecutionMode.CONCURRENT)
class PortableBitsTest {

  /** The length crosses an attention chunk and several cache blocks. */
  private static final int LONG = 270;

  private static final int SHORT = 24;

  /**
   * A way to run a model.
   *
   * @param chunked if true, prompts in chunks are compared, else only the batch of five
   */
  private record Variant(
      String name, Supplier<Executor> executor, Repacking repacking, boolean chunked) {
    static Variant of(Isa isa, int workers, Repacking repacking, boolean chunked) {
      String name = isa.label() + " x" + workers + " packed " + repacking;
      return new Variant(name, () -> NativeExecutor.create(isa, workers), repacking, chunked);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** Returns the executors. The best native one and that of the Vector API run in chunks too. */
  private static List<Variant> variants(int... workerCounts) {
    List<Variant> variants = new ArrayList<>();
    for (int workers : workerCounts) {
      variants.addAll(natives(workers, Repacking.AT_ONCE));
      variants.add(
          new Variant(
              "java scalar x" + workers,
              () -> JavaExecutor.scalar(workers),
              Repacking.AT_ONCE,
              false));
      if (TestExecutors.testVectors()) {
        variants.add(
            new Variant(
                "java vector x" + workers,
                () -> JavaExecutor.vector(workers),
                Repacking.DEFERRED, // packs at once
                true));
      }
    }
    return variants;
  }

  /** Returns the native variants with weights that are packed at some time. */
  private static List<Variant> natives(int workers, Repacking repacking) {
    return TestExecutors.instructionSets().stream()
        .map(isa -> Variant.of(isa, workers, repacking, isa == Isa.pick()))
        .toList();
  }

  /** Returns the native variants that pack weights later or never. */
  private static List<Variant> unpacked(int workers) {
    return Stream.of(Repacking.DEFERRED, Repacking.NEVER)
        .flatMap(repacking -> natives(workers, repacking).stream())
        .toList();
  }

  private static int[] tokens(long seed, int count, int vocabulary) {
    return new SplittableRandom(seed).ints(count, 0, vocabulary).toArray();
  }

  /** Returns the logits after every token, with the prompt in chunks. */
  private static int[] alone(Model model, Arithmetic arithmetic, int[] tokens, int chunk) {
    int batch = Math.min(chunk, tokens.length);
    SessionOptions options =
        new SessionOptions(tokens.length, batch, 1, batch).withArithmetic(arithmetic);
    var bits = new Bits(model, tokens.length);
    try (Session session = model.newSession(options)) {
      Sequence sequence = session.newSequence();
      for (int i = 0; i < tokens.length; ) {
        session.begin();
        int end = Math.min(tokens.length, i + chunk);
        for (; i < end; i++) {
          session.add(sequence, tokens[i], true);
        }
        session.run();
        for (int row = 0; row < session.logitRows(); row++) {
          bits.add(session.logits(row));
        }
      }
    }
    return bits.values;
  }

  /** Returns those logits in a batch of five sequences that advance at different speeds. */
  private static int[] inCompany(Model model, Arithmetic arithmetic, int[] tokens) {
    int vocabulary = model.architecture().vocabulary();
    SessionOptions options =
        new SessionOptions(tokens.length, 64, 5, 64).withArithmetic(arithmetic);
    var bits = new Bits(model, tokens.length);
    try (Session session = model.newSession(options)) {
      List<Sequence> sequences = Stream.generate(session::newSequence).limit(5).toList();
      List<int[]> texts = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        texts.add(i == 2 ? tokens : tokens(100 + i, Math.min(40, tokens.length), vocabulary));
      }
      int[] speeds = {1, 9, 5, 2, 16};
      while (sequences.get(2).length() < tokens.length) {
        session.begin();
        List<Boolean> ours = new ArrayList<>();
        for (int s = 0; s < 5; s++) {
          int[] text = texts.get(s);
          for (int k = 0; k < speeds[s] && sequences.get(s).length() < text.length; k++) {
            boolean wanted = s == 2 || k == 0;
            session.add(sequences.get(s), text[sequences.get(s).length()], wanted);
            if (wanted) {
              ours.add(s == 2);
            }
          }
        }
        session.run();
        for (int row = 0; row < ours.size(); row++) {
          if (ours.get(row)) {
            bits.add(session.logits(row));
          }
        }
      }
    }
    return bits.values;
  }

  /** Collects the bits of logits, row after row. */
  private static final class Bits {
    final int[] values;
    private int count;

    Bits(Model model, int rows) {
      this.values = new int[rows * model.architecture().vocabulary()];
    }

    void add(MemorySegment row) {
      int n = Math.toIntExact(row.byteSize() / Float.BYTES);
      MemorySegment.copy(row, JAVA_INT, 0, values, count, n);
      count += n;
    }
  }

  private static void assertSameBits(int[] expected, int[] actual, int vocabulary, String what) {
    for (int i = 0; i < expected.length; i++) {
      if (expected[i] != actual[i]) {
        fail(
            what
                + ": row "
                + i / vocabulary
                + ", token "
                + i % vocabulary
                + ": "
                + Float.intBitsToFloat(expected[i])
                + " became "
                + Float.intBitsToFloat(actual[i]));
      }
    }
  }

  private static Model open(Path file, Variant variant) {
    return Model.open(file, ModelOptions.with(variant.executor).withRepacking(variant.repacking));
  }

  private static void check(Path file, int count, List<Variant> variants, int... chunks) {
    check(file, Arithmetic.INT8, count, variants, chunks);
  }

  private static void check(
      Path file, Arithmetic arithmetic, int count, List<Variant> variants, int... chunks) {
    int[] expected;
    int[] tokens;
    try (Model model = open(file, Variant.of(Isa.SCALAR, 1, Repacking.AT_ONCE, false))) {
      tokens = tokens(1, count, model.architecture().vocabulary());
      expected = alone(model, arithmetic, tokens, count);
    }
    for (Variant variant : variants) {
      try (Model model = open(file, variant)) {
        int vocabulary = model.architecture().vocabulary();
        for (int chunk : variant.chunked ? chunks : new int[0]) {
          int[] actual = alone(model, arithmetic, tokens, chunk);
          assertSameBits(expected, actual, vocabulary, variant + " in chunks of " + chunk);
        }
        assertSameBits(
            expected,
            inCompany(model, arithmetic, tokens),
            vocabulary,
            variant + " in a batch of five");
      }
    }
  }

  @Test
  @Tag("long")
  void bardHasPortableBits() {
    check(BardFiles.q8(), SHORT, variants(1, 2), 1, 7, 512);
  }

  @Test
  @Tag("long")
  void longTextsHavePortableBits() {
    check(BardFiles.q8(), LONG, variants(2), 512);
  }

  @Test
  @Tag("long")
  void f32BardHasPortableBits() {
    check(BardFiles.f32(), SHORT, variants(2), 1, 7, 512);
  }

  @ParameterizedTest
  @EnumSource
  @Tag("long")
  void weightTypesHavePortableBits(WeightType weights, @TempDir Path directory) throws IOException {
    GgmlType type = GgmlType.ofId(weights.id()).orElseThrow();
    Path file = directory.resolve("tiny.gguf");
    TinyModel.write(
        file, TinyModel.Options.standard().withType(type).withTied(false).withBiases(true));
    check(file, SHORT, variants(2), 1, 7, 512);
    check(file, SHORT, unpacked(2), 7);
  }

  @ParameterizedTest
  @EnumSource(names = {"Q8_0", "Q4_1"})
  void expertsHavePortableBits(WeightType weights, @TempDir Path directory) throws IOException {
    GgmlType type = GgmlType.ofId(weights.id()).orElseThrow();
    Path file = directory.resolve("experts.gguf");
    TinyModel.write(file, TinyModel.Options.standard().withType(type).withExperts(3));
    check(file, SHORT, variants(2), 1, 7, 512);
    check(file, SHORT, unpacked(2), 7);
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void architecturesHavePortableBits(String name, @TempDir Path directory) throws IOException {
    Path file = TinyModels.write(directory.resolve(name + ".gguf"), name);
    check(file, SHORT, variants(2), 1, 3, 512);
  }

  /** Matrices with rows that 32 does not divide are among the float types. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "BF16", "Q4_1", "Q6_K", "MXFP4"})
  @Tag("long")
  void bf16HasPortableBits(WeightType weights, @TempDir Path directory) throws IOException {
    GgmlType type = GgmlType.ofId(weights.id()).orElseThrow();
    Path file = directory.resolve("tiny.gguf");
    TinyModel.write(
        file, TinyModel.Options.standard().withType(type).withTied(false).withBiases(true));
    check(file, Arithmetic.BF16, SHORT, variants(2), 1, 7, 512);
    check(file, Arithmetic.BF16, SHORT, unpacked(2), 7);
  }

  @Test
  void bf16ExpertsHavePortableBits(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("experts.gguf");
    TinyModel.write(file, TinyModel.Options.standard().withType(GgmlType.Q4_1).withExperts(3));
    check(file, Arithmetic.BF16, SHORT, variants(2), 1, 7, 512);
    check(file, Arithmetic.BF16, SHORT, unpacked(2), 7);
  }

  @Test
  @Tag("long")
  void bardHasPortableBitsInBf16() {
    check(BardFiles.q8(), Arithmetic.BF16, SHORT, variants(1, 2), 1, 7, 512);
  }

  /** Products of all kinds: of latent vectors, experts, convolutions and recurrences. */
  @ParameterizedTest
  @ValueSource(strings = {"deepseek2-lite", "gemma3n", "gpt-oss", "lfm2", "qwen3next"})
  @Tag("long")
  void architecturesHavePortableBitsInBf16(String name, @TempDir Path directory)
      throws IOException {
    Path file = TinyModels.write(directory.resolve(name + ".gguf"), name);
    check(file, Arithmetic.BF16, SHORT, variants(2), 1, 3, 512);
  }

  @Test
  void unpackedWeightsHavePortableBits() {
    check(BardFiles.q8(), SHORT, unpacked(2), 7, 512);
  }

  @Test
  void logitsDependOnTheArithmetic() {
    try (Model model = Model.open(BardFiles.q8())) {
      int[] tokens = tokens(1, 20, model.architecture().vocabulary());
      int[] int8 = alone(model, Arithmetic.INT8, tokens, 20);
      int[] bf16 = alone(model, Arithmetic.BF16, tokens, 20);
      assertTrue(Arrays.mismatch(int8, bf16) >= 0);
    }
  }

  @Test
  void logitsDependOnTheText() {
    try (Model model = Model.open(BardFiles.q8())) {
      int vocabulary = model.architecture().vocabulary();
      int[] first = alone(model, Arithmetic.INT8, tokens(1, 20, vocabulary), 20);
      int[] second = alone(model, Arithmetic.INT8, tokens(2, 20, vocabulary), 20);
      assertTrue(Arrays.mismatch(first, second) >= 0);
    }
  }
}
