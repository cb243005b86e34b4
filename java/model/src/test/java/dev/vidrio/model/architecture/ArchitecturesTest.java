package dev.vidrio.model.architecture;

import static dev.vidrio.model.testfiles.Closeness.assertClose;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.block.DraftSource;
import dev.vidrio.model.block.ModelVariant;
import dev.vidrio.model.testfiles.TinyModels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every architecture against transformers, which wrote a tiny random model of it. */
class ArchitecturesTest {

  /** Largest difference over the largest magnitude: some hundred roundings of 2⁻²⁴ and room. */
  private static final double TOLERANCE = 1e-4;

  private static final Set<String> WITHOUT_HEADS =
      Set.of("gemma3n", "gemma4", "minicpm3", "nemotron_h", "nemotron_h_moe", "phi3", "phimoe");

  private static Architecture load(String name, Executor executor, Arena arena) {
    return load(TinyModels.gguf(name, arena), executor, arena, DraftSource.NONE);
  }

  private static Architecture load(Gguf gguf, Executor executor, Arena arena, DraftSource drafts) {
    return load(gguf, executor, arena, new ModelVariant(drafts, false));
  }

  private static Architecture load(
      Gguf gguf, Executor executor, Arena arena, ModelVariant variant) {
    return Catalog.load(gguf, executor, arena, LoadListener.SILENT, Repacking.AT_ONCE, variant);
  }

  @ParameterizedTest
  @MethodSource(TinyModels.NAMES)
  void logitsAreThoseOfTransformers(String name) {
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      Architecture architecture = load(name, executor, arena);
      assertLogits(name, architecture, executor, arena);
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.NAMES)
  void gradientsAreThoseOfTransformers(String name) {
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      assertGradients(name, load(name, executor, arena), executor, arena);
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.WITH_DRAFT_BLOCK)
  void draftBlocksChangeNeitherLogitsNorGradients(String name) {
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      Gguf gguf = TinyModels.ggufWithDraftBlock(name, arena);
      Architecture architecture = load(gguf, executor, arena, DraftSource.OWN_BLOCK);
      assertLogits(name, architecture, executor, arena);
      assertGradients(name, architecture, executor, arena);
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.WITH_LATENT_ATTENTION)
  void latentCachesChangeNeitherLogitsNorGradients(String name) {
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      var variant = new ModelVariant(DraftSource.NONE, true);
      Architecture architecture = load(TinyModels.gguf(name, arena), executor, arena, variant);
      assertEquals(1, architecture.kvShape().keyValue(0).heads());
      assertLogits(name, architecture, executor, arena);
      assertGradients(name, architecture, executor, arena);
      if (TinyModels.namesWithDraftBlock().contains(name)) {
        var drafting = new ModelVariant(DraftSource.OWN_BLOCK, true);
        Gguf gguf = TinyModels.ggufWithDraftBlock(name, arena);
        assertLogits(name, load(gguf, executor, arena, drafting), executor, arena);
      }
    }
  }

  @Test
  void rejectsLatentCachesOfOtherModels() {
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      var variant = new ModelVariant(DraftSource.NONE, true);
      Gguf gguf = TinyModels.gguf("llama", arena);
      var e =
          assertThrows(UnsupportedModelException.class, () -> load(gguf, executor, arena, variant));
      assertTrue(
          String.valueOf(e.getMessage()).contains("a cache of latent vectors"), e.getMessage());
    }
  }

  /** A head runs with all decoders but those that are listed in docs/formats.md. */
  @ParameterizedTest
  @MethodSource(TinyModels.NAMES)
  void draftHeadsChangeNoLogits(String name) {
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      Gguf gguf = TinyModels.gguf(name, arena);
      String architecture = gguf.metadata().string("general.architecture");
      int width = gguf.metadata().intValue(architecture + ".embedding_length", 1, 1 << 10);
      Gguf parsed =
          TinyModels.draftHeadWriter("qwen3")
              .int32s("eagle3.target_layers", 0, 1, 0)
              .uint32("eagle3.target_hidden_size", width)
              .tensor(
                  "fc.weight",
                  GgmlType.F32,
                  new byte[Math.toIntExact(3L * width * 64 * Float.BYTES)],
                  3L * width,
                  64)
              .parse("head", arena);
      DraftSource head = Catalog.draftHead(parsed, executor, arena, Repacking.AT_ONCE);
      if (WITHOUT_HEADS.contains(architecture)) {
        var e =
            assertThrows(UnsupportedModelException.class, () -> load(gguf, executor, arena, head));
        assertTrue(String.valueOf(e.getMessage()).contains("a draft head"), e.getMessage());
        return;
      }
      Architecture whole = load(gguf, executor, arena, head);
      assertLogits(name, whole, executor, arena);
    }
  }

  private static void assertLogits(
      String name, Architecture architecture, Executor executor, Arena arena) {
    SafetensorsFile expected = TinyModels.expected(name);
    int[] tokens = expected.ints("tokens");
    float[] logits = logits(architecture.plan(tokens.length), executor, tokens, arena);
    assertClose(expected.floats("logits"), logits, TOLERANCE);
  }

  /** Compares with autograd, of the sum of each token's own logit after it. */
  private static void assertGradients(
      String name, Architecture architecture, Executor executor, Arena arena) {
    SafetensorsFile expected = TinyModels.expected(name);
    int[] tokens = expected.ints("tokens");
    Plan plan = architecture.plan(tokens.length);
    Buffer logits = plan.buffer("unembed.hook_out");
    Buffer embed = ((Op.Embed) plan.ops().getFirst()).y();
    MemorySegment seed = arena.allocate(JAVA_FLOAT, (long) tokens.length * logits.width());
    for (int i = 0; i < tokens.length; i++) {
      seed.setAtIndex(JAVA_FLOAT, (long) i * logits.width() + tokens[i], 1);
    }
    Gradient gradient =
        new Differentiation(Map.of(logits, seed), Set.of(embed), GradientRules.EXACT)
            .differentiate(plan);
    float[] actual = run(gradient.plan(), gradient.of(embed), executor, tokens, arena);
    assertClose(expected.floats("gradient"), actual, TOLERANCE);
  }

  @Test
  void rotationOfLongContextsIsNotThatOfShortOnes() {
    SafetensorsFile expected = TinyModels.expected("phi3-longrope");
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      Architecture architecture = load("phi3-longrope", executor, arena);
      float[] logits = expected.floats("short_logits");
      int count = logits.length / architecture.vocabulary();
      int[] tokens = Arrays.copyOf(expected.ints("tokens"), count);
      assertClose(logits, logits(architecture.plan(count), executor, tokens, arena), TOLERANCE);
    }
  }

  /** The logits [n, V] after each of the tokens, all in one step. */
  private static float[] logits(Plan plan, Executor executor, int[] tokens, Arena arena) {
    return run(plan, plan.buffer("unembed.hook_out"), executor, tokens, arena);
  }

  private static float[] run(
      Plan plan, Buffer output, Executor executor, int[] tokens, Arena arena) {
    int vocabulary = plan.buffer("unembed.hook_out").width();
    var limits = new Limits(tokens.length, tokens.length, 1, tokens.length, vocabulary);
    var cache = new KvCache(executor, plan.kv(), 1, arena);
    var batch = new Batch(limits, arena);
    int slot = plan.kv().hasStates() ? cache.acquireSlot() : Batch.NO_SLOT;
    int sequence = batch.addSequence(new int[] {cache.acquire()}, 1, slot);
    for (int i = 0; i < tokens.length; i++) {
      batch.add(tokens[i], i, sequence, true);
    }
    try (ExecutablePlan executable = executor.prepare(plan, limits, cache)) {
      executable.run(batch);
      return executable
          .data(output)
          .asSlice(0, 4L * tokens.length * output.width())
          .toArray(JAVA_FLOAT);
    }
  }
}
