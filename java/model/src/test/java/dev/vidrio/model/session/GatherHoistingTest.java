package dev.vidrio.model.session;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.model.Model;
import dev.vidrio.model.quantize.FileType;
import dev.vidrio.model.quantize.QuantizeOptions;
import dev.vidrio.model.quantize.Quantizer;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GatherHoistingTest {
  private static final int TOKENS = 21;
  private static final Set<Integer> CHOSEN = Set.of(3, 4, TOKENS - 1);

  @TempDir Path directory;

  private static int[] logits(Model model, Plan plan, Set<Integer> chosen) {
    int vocabulary = model.architecture().vocabulary();
    var limits = new Limits(TOKENS, Math.max(1, chosen.size()), 1, TOKENS, vocabulary);
    int[] tokens = new Random(1).ints(TOKENS, 0, vocabulary).toArray();
    try (Arena arena = Arena.ofShared()) {
      var cache = new KvCache(model.executor(), plan.kv(), KvType.F32, 1, 1, arena);
      var batch = new Batch(limits, arena);
      try (ExecutablePlan executable = model.executor().prepare(plan, limits, cache)) {
        int sequence = batch.addSequence(new int[] {cache.acquire()}, 1, cache.acquireSlot());
        for (int i = 0; i < TOKENS; i++) {
          batch.add(tokens[i], i, sequence, chosen.contains(i));
        }
        executable.run(batch);
        Buffer output = plan.outputs().iterator().next();
        long bytes = (long) chosen.size() * output.width() * Float.BYTES;
        return executable.data(output).asSlice(0, bytes).toArray(JAVA_INT);
      }
    }
  }

  /** Returns the products that are computed for all tokens. */
  private static List<Op> products(Plan plan) {
    return plan.ops().stream()
        .filter(op -> op instanceof Op.MatMul || op instanceof ExpertOp.ExpertMatMul)
        .filter(op -> op.rows() == Rows.TOKENS)
        .toList();
  }

  private static void check(Path file) {
    try (Model model = Model.open(file)) {
      Plan plan = model.architecture().plan();
      Plan chosen = new GatherHoisting().apply(plan);
      // At least the output projections of the last layer are gathered.
      assertTrue(products(chosen).size() <= products(plan).size() - 2, chosen.toString());
      assertArrayEquals(logits(model, plan, CHOSEN), logits(model, chosen, CHOSEN));
      assertArrayEquals(new int[0], logits(model, chosen, Set.of()));
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void logitsHaveTheSameBits(String name) throws IOException {
    Path floats = TinyModels.write(directory.resolve("f32.gguf"), name);
    check(floats);
    Path bytes = directory.resolve("q8_0.gguf");
    Quantizer.quantize(floats, bytes, QuantizeOptions.of(FileType.Q8_0));
    check(bytes);
  }

  @Test
  void keptBuffersKeepTheirRows() throws IOException {
    try (Model model = Model.open(TinyModels.write(directory.resolve("llama.gguf"), "llama"))) {
      Plan plan = model.architecture().plan();
      Set<Buffer> outputs = new HashSet<>(plan.outputs());
      int last = model.architecture().layers() - 1;
      outputs.add(plan.buffer("blocks." + last + ".hook_mlp_out"));
      Plan kept = new GatherHoisting().apply(new Plan(plan.ops(), plan.kv(), outputs));
      assertEquals(products(plan), products(kept));
    }
  }

  @Test
  void planWithoutLogitsIsUnchanged() throws IOException {
    try (Model model = Model.open(TinyModels.write(directory.resolve("llama.gguf"), "llama"))) {
      Plan plan = model.architecture().plan();
      List<Op> ops = plan.ops().stream().filter(op -> op.rows() == Rows.TOKENS).toList();
      var layers = new Plan(ops, plan.kv(), Set.of());
      assertSame(layers, new GatherHoisting().apply(layers));
    }
  }
}
