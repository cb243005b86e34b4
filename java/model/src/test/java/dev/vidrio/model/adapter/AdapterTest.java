package dev.vidrio.model.adapter;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.Executor;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.testfiles.TestExecutors;
import dev.vidrio.model.testfiles.TinyAdapter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests the effect of adapters on logits. */
class AdapterTest extends AdapterCase {
  /** Relative tolerance: some hundred roundings of 2⁻²⁴ with a margin. */
  private static final double TOLERANCE = 1e-4;

  private static float[] floats(int[] bits) {
    var floats = new float[bits.length];
    for (int i = 0; i < bits.length; i++) {
      floats[i] = Float.intBitsToFloat(bits[i]);
    }
    return floats;
  }

  /** Replaces W by W + strength · alpha / r · B · A, in double precision. */
  private static byte[] merged(Gguf model, Gguf adapter, double scale) {
    GgufWriter writer =
        TinyModel.writer(TinyModel.Options.standard().withType(GgmlType.F32).withBiases(true));
    for (GgufTensor a : adapter.tensors()) {
      if (a.name().endsWith(".lora_a")) {
        String name = a.name().substring(0, a.name().length() - ".lora_a".length());
        GgufTensor w = model.tensor(name);
        GgufTensor b = adapter.tensor(name + ".lora_b");
        int k = (int) w.dim(0);
        int rank = (int) b.dim(0);
        ByteBuffer sum = ByteBuffer.allocate((int) w.data().byteSize());
        sum.order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < w.dim(1); row++) {
          for (int column = 0; column < k; column++) {
            double product = 0;
            for (int j = 0; j < rank; j++) {
              product += element(b, row * rank + j) * element(a, j * k + column);
            }
            sum.putFloat((float) (element(w, row * k + column) + scale * product));
          }
        }
        writer.tensor(name, GgmlType.F32, sum.array(), k, w.dim(1));
      }
    }
    return writer.toBytes();
  }

  private static double element(GgufTensor tensor, long i) {
    return tensor.data().getAtIndex(JAVA_FLOAT_UNALIGNED, i);
  }

  @Test
  void adapterEqualsMergedWeights() throws IOException {
    Path file = tiny(GgmlType.F32);
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 5, 7, 3);
    Path whole = directory.resolve("merged.gguf");
    try (Arena arena = Arena.ofConfined()) {
      Files.write(whole, merged(Gguf.open(file, arena), Gguf.open(lora, arena), 0.5 * 7 / 5));
    }
    int[] text = tokens(1);
    float[] expected;
    float[] plain;
    try (Model model = Model.open(whole);
        Session session = open(model, 0)) {
      expected = floats(alone(session, null, text, 16));
    }
    try (Model model = Model.open(file);
        Adapter adapter = model.openAdapter(lora);
        Session session = open(model, 1)) {
      plain = floats(alone(session, null, text, 16));
      float[] actual = floats(alone(session, adapted(adapter, 0.5f), text, 16));
      assertTrue(error(expected, actual) <= TOLERANCE, () -> "error " + error(expected, actual));
      assertTrue(error(expected, plain) > 100 * TOLERANCE, "the adapter changes something");
      assertEquals(5, adapter.rank());
      assertEquals(14, adapter.matrices().size());
      assertEquals(lora.toString(), adapter.name());
    }
  }

  private static double error(float[] expected, float[] actual) {
    double difference = 0;
    double magnitude = 0;
    for (int i = 0; i < expected.length; i++) {
      difference = Math.max(difference, Math.abs((double) actual[i] - expected[i]));
      magnitude = Math.max(magnitude, Math.abs((double) expected[i]));
    }
    return difference / magnitude;
  }

  /**
   * Runs four sequences, two with one adapter at different strengths, in chunks of different
   * lengths.
   */
  private static List<int[]> together(Session session, List<@Nullable Adaptation> adaptations) {
    List<Sequence> sequences = new ArrayList<>();
    List<List<int[]>> rows = new ArrayList<>();
    for (Adaptation adaptation : adaptations) {
      Sequence sequence = session.newSequence();
      sequence.adapt(adaptation);
      sequences.add(sequence);
      rows.add(new ArrayList<>());
    }
    int[] speeds = {1, 7, 3, 5};
    while (sequences.stream().anyMatch(sequence -> sequence.length() < LENGTH)) {
      session.begin();
      List<Integer> owners = new ArrayList<>();
      for (int s = 0; s < sequences.size(); s++) {
        for (int i = 0; i < speeds[s] && sequences.get(s).length() < LENGTH; i++) {
          session.add(sequences.get(s), tokens(s)[sequences.get(s).length()], true);
          owners.add(s);
        }
      }
      session.run();
      for (int row = 0; row < owners.size(); row++) {
        rows.get(owners.get(row)).add(bits(session.logits(row)));
      }
    }
    sequences.forEach(Sequence::close);
    return rows.stream().map(all -> all.stream().flatMapToInt(Arrays::stream).toArray()).toList();
  }

  static Stream<Supplier<Executor>> executors() {
    return TestExecutors.all(2);
  }

  /** Bits equal those alone, in each batch and on each executor. */
  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"F32", "Q8_0", "Q4_0"})
  void bitsAreIndependentOfBatchAndExecutor(GgmlType type) throws IOException {
    Path file = tiny(type);
    Path first = TinyAdapter.write(directory.resolve("first.gguf"), 4, 8, 1);
    Path second = TinyAdapter.write(directory.resolve("second.gguf"), 17, 6, 2);
    List<int[]> expected = new ArrayList<>();
    for (Supplier<Executor> executor : executors().toList()) {
      try (Model model = Model.open(file, ModelOptions.with(executor));
          Adapter one = model.openAdapter(first);
          Adapter two = model.openAdapter(second);
          Session plain = open(model, 0);
          Session session = open(model, 2)) {
        List<@Nullable Adaptation> adaptations =
            Arrays.asList(adapted(one, 1), adapted(two, 0.75f), null, adapted(one, -0.5f));
        if (expected.isEmpty()) {
          for (int s = 0; s < 4; s++) {
            Session own = s == 2 ? plain : session;
            expected.add(alone(own, adaptations.get(s), tokens(s), 16));
          }
          assertFalse(Arrays.equals(expected.get(0), alone(plain, null, tokens(0), 16)));
        }
        List<int[]> actual = together(session, adaptations);
        for (int s = 0; s < 4; s++) {
          assertArrayEquals(
              expected.get(s), actual.get(s), model.executor().name() + " sequence " + s);
        }
      }
    }
  }

  @Test
  void strengthZeroEqualsNoAdapter() throws IOException {
    try (Model model = Model.open(tiny(GgmlType.Q8_0));
        Adapter adapter =
            model.openAdapter(TinyAdapter.write(directory.resolve("lora.gguf"), 4, 4, 1));
        Session session = open(model, 1)) {
      assertArrayEquals(
          alone(session, null, tokens(1), 16), alone(session, adapted(adapter, 0), tokens(1), 16));
    }
  }

  @Test
  void alphaDefaultsToTheRank() throws IOException {
    var random = new SplittableRandom(1);
    GgufWriter with = TinyAdapter.writer(4);
    TinyAdapter.put(with, "blk.0.attn_q.weight", GgmlType.F32, 4, random);
    Path alpha = Files.write(directory.resolve("alpha.gguf"), with.toBytes());
    with.remove("adapter.lora.alpha");
    Path none = Files.write(directory.resolve("none.gguf"), with.toBytes());
    try (Model model = Model.open(tiny(GgmlType.F32));
        Session session = open(model, 1)) {
      assertArrayEquals(
          alone(session, adapted(model.openAdapter(alpha), 1), tokens(1), 16),
          alone(session, adapted(model.openAdapter(none), 1), tokens(1), 16));
    }
  }

  /** All types of a file hold numbers that F32 represents exactly. */
  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"F16", "BF16", "Q8_0"})
  void readsFactorsOfAllTypes(GgmlType type) throws IOException {
    GgufWriter stored = TinyAdapter.writer(32);
    TinyAdapter.put(stored, "blk.1.ffn_up.weight", type, 32, new SplittableRandom(1));
    Path file = Files.write(directory.resolve("stored.gguf"), stored.toBytes());
    GgufWriter wide = TinyAdapter.writer(32);
    try (Arena arena = Arena.ofConfined()) {
      for (GgufTensor tensor : Gguf.open(file, arena).tensors()) {
        wide.tensor(tensor.name(), GgmlType.F32, widened(tensor), tensor.dim(0), tensor.dim(1));
      }
    }
    Path exact = Files.write(directory.resolve("exact.gguf"), wide.toBytes());
    try (Model model = Model.open(tiny(GgmlType.F32));
        Session session = open(model, 1)) {
      assertArrayEquals(
          alone(session, adapted(model.openAdapter(exact), 1), tokens(1), 16),
          alone(session, adapted(model.openAdapter(file), 1), tokens(1), 16));
    }
  }

  private static byte[] widened(GgufTensor tensor) {
    ByteBuffer wide = ByteBuffer.allocate((int) tensor.elements() * Float.BYTES);
    wide.order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer data = tensor.data().asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < tensor.elements(); i++) {
      wide.putFloat(
          switch (tensor.type()) {
            case F16 -> Float.float16ToFloat(data.getShort(2 * i));
            case BF16 -> Float.intBitsToFloat(data.getShort(2 * i) << 16);
            default ->
                Float.float16ToFloat(data.getShort(i / 32 * 34))
                    * data.get(i / 32 * 34 + 2 + i % 32);
          });
    }
    return wide.array();
  }

  @Test
  void adaptsUntiedUnembedding() throws IOException {
    Path file =
        TinyModel.write(
            directory.resolve("untied.gguf"), TinyModel.Options.standard().withTied(false));
    GgufWriter writer = TinyAdapter.writer(2);
    TinyAdapter.put(writer, "output.weight", GgmlType.F32, 2, new SplittableRandom(1));
    Path lora = Files.write(directory.resolve("lora.gguf"), writer.toBytes());
    try (Model model = Model.open(file);
        Adapter adapter = model.openAdapter(lora);
        Session session = open(model, 1)) {
      int[] plain = alone(session, null, tokens(1), 16);
      assertFalse(Arrays.equals(plain, alone(session, adapted(adapter, 1), tokens(1), 16)));
    }
  }
}
