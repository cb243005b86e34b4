package dev.vidrio.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.LowRank;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.model.gguf.GgmlType;
import dev.vidrio.model.gguf.Gguf;
import dev.vidrio.model.gguf.GgufTensor;
import dev.vidrio.model.testfiles.GgufWriter;
import dev.vidrio.model.testfiles.TinyAdapter;
import dev.vidrio.model.testfiles.TinyModel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AdapterTest {
  private static final int LENGTH = 30;

  /** Largest difference over the largest magnitude: some hundred roundings of 2⁻²⁴ and room. */
  private static final double TOLERANCE = 1e-4;

  @TempDir Path directory;

  private Path tiny(GgmlType type) throws IOException {
    Path file = directory.resolve("tiny.gguf");
    return TinyModel.write(file, TinyModel.Options.standard().withType(type).withBiases(true));
  }

  private static int[] tokens(long seed) {
    return new SplittableRandom(seed).ints(LENGTH, 0, TinyModel.VOCABULARY).toArray();
  }

  private static Session open(Model model, int adapters) {
    return model.newSession(new SessionOptions(LENGTH, 16, 4, 16).withAdapters(adapters));
  }

  private static @Nullable Adaptation adapted(@Nullable Adapter adapter, float strength) {
    return adapter == null ? null : new Adaptation(adapter, strength);
  }

  /** The bits of the logits after each token of a sequence alone, prompt in pieces. */
  private static int[] alone(
      Session session, @Nullable Adaptation adaptation, int[] text, int piece) {
    List<int[]> rows = new ArrayList<>();
    try (Sequence sequence = session.newSequence()) {
      sequence.adapt(adaptation);
      for (int i = 0; i < text.length; ) {
        session.begin();
        for (int end = Math.min(text.length, i + piece); i < end; i++) {
          session.add(sequence, text[i], true);
        }
        session.run();
        for (int row = 0; row < session.logitRows(); row++) {
          rows.add(bits(session.logits(row)));
        }
      }
    }
    return rows.stream().flatMapToInt(Arrays::stream).toArray();
  }

  private static int[] bits(MemorySegment row) {
    return row.toArray(JAVA_INT);
  }

  private static float[] floats(int[] bits) {
    var floats = new float[bits.length];
    for (int i = 0; i < bits.length; i++) {
      floats[i] = Float.intBitsToFloat(bits[i]);
    }
    return floats;
  }

  /** W + strength · alpha / r · B · A in place of W, in double precision. */
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
  void anAdapterDoesWhatMergedWeightsDo() throws IOException {
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
        Adapter adapter = Adapter.open(model, lora);
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
   * Four sequences, two with one adapter at different strengths, in pieces of different lengths.
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
    Stream<Supplier<Executor>> java =
        Stream.of(() -> JavaExecutor.scalar(2), () -> JavaExecutor.vector(1));
    Stream<Supplier<Executor>> natives =
        Isa.usableHere().stream()
            .map(isa -> () -> NativeExecutor.create(isa, 1 + isa.label().length() % 3));
    return Stream.concat(natives, java);
  }

  /** In every company, on every executor, a sequence gets what it gets alone. */
  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"F32", "Q8_0", "Q4_0"})
  void companyAndExecutorChangeNoBit(GgmlType type) throws IOException {
    Path file = tiny(type);
    Path first = TinyAdapter.write(directory.resolve("first.gguf"), 4, 8, 1);
    Path second = TinyAdapter.write(directory.resolve("second.gguf"), 17, 6, 2);
    List<int[]> expected = new ArrayList<>();
    for (Supplier<Executor> executor : executors().toList()) {
      try (Model model = Model.open(file, ModelOptions.with(executor));
          Adapter one = Adapter.open(model, first);
          Adapter two = Adapter.open(model, second);
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
  void strengthZeroIsAsWithout() throws IOException {
    try (Model model = Model.open(tiny(GgmlType.Q8_0));
        Adapter adapter =
            Adapter.open(model, TinyAdapter.write(directory.resolve("lora.gguf"), 4, 4, 1));
        Session session = open(model, 1)) {
      assertArrayEquals(
          alone(session, null, tokens(1), 16), alone(session, adapted(adapter, 0), tokens(1), 16));
    }
  }

  @Test
  void theAlphaOfAFileMayBeMissing() throws IOException {
    var random = new SplittableRandom(1);
    GgufWriter with = TinyAdapter.writer(4);
    TinyAdapter.put(with, "blk.0.attn_q.weight", GgmlType.F32, 4, random);
    Path alpha = Files.write(directory.resolve("alpha.gguf"), with.toBytes());
    with.remove("adapter.lora.alpha");
    Path none = Files.write(directory.resolve("none.gguf"), with.toBytes());
    try (Model model = Model.open(tiny(GgmlType.F32));
        Session session = open(model, 1)) {
      assertArrayEquals(
          alone(session, adapted(Adapter.open(model, alpha), 1), tokens(1), 16),
          alone(session, adapted(Adapter.open(model, none), 1), tokens(1), 16));
    }
  }

  /** The types of a file mean the same numbers, which F32 holds exactly. */
  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"F16", "BF16", "Q8_0"})
  void factorsMayHaveOtherTypes(GgmlType type) throws IOException {
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
          alone(session, adapted(Adapter.open(model, exact), 1), tokens(1), 16),
          alone(session, adapted(Adapter.open(model, file), 1), tokens(1), 16));
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
  void anUntiedUnembeddingMayBeAdapted() throws IOException {
    Path file =
        TinyModel.write(
            directory.resolve("untied.gguf"), TinyModel.Options.standard().withTied(false));
    GgufWriter writer = TinyAdapter.writer(2);
    TinyAdapter.put(writer, "output.weight", GgmlType.F32, 2, new SplittableRandom(1));
    Path lora = Files.write(directory.resolve("lora.gguf"), writer.toBytes());
    try (Model model = Model.open(file);
        Adapter adapter = Adapter.open(model, lora);
        Session session = open(model, 1)) {
      int[] plain = alone(session, null, tokens(1), 16);
      assertFalse(Arrays.equals(plain, alone(session, adapted(adapter, 1), tokens(1), 16)));
    }
  }

  private static void assertRefused(String message, Runnable action) {
    assertEquals(message, assertThrows(InvalidInputException.class, action::run).getMessage());
  }

  @Test
  void sequencesShareTheRoomOfTheSession() throws IOException {
    try (Model model = Model.open(tiny(GgmlType.F32))) {
      Adapter one = Adapter.open(model, TinyAdapter.write(directory.resolve("1.gguf"), 2, 1, 1));
      Adapter two = Adapter.open(model, TinyAdapter.write(directory.resolve("2.gguf"), 2, 1, 2));
      try (Session session = open(model, 1)) {
        Sequence first = session.newSequence();
        Sequence second = session.newSequence();
        assertTrue(session.hasRoomFor(one));
        first.adapt(new Adaptation(one, 1));
        assertTrue(session.hasRoomFor(one));
        assertFalse(session.hasRoomFor(two));
        second.adapt(new Adaptation(one, 2));
        assertRefused(
            "adapter "
                + two.name()
                + ": the session has room for 1, and sequences have as many others",
            () -> first.adapt(new Adaptation(two, 1)));
        assertEquals(new Adaptation(one, 1), first.adaptation());
        session.feed(first, 1, 2);
        assertRefused("adapter: the sequence has run 2 tokens without it", () -> first.adapt(null));
        try (Sequence fork = first.fork()) {
          assertEquals(first.adaptation(), fork.adaptation());
          first.close();
          second.close();
          assertNull(second.adaptation());
          assertFalse(session.hasRoomFor(two), "the fork has it still");
        }
        assertTrue(session.hasRoomFor(two));
      }
      try (Session session = open(model, 0);
          Sequence sequence = session.newSequence()) {
        assertFalse(session.hasRoomFor(one));
        assertRefused(
            "adapter " + one.name() + ": the session was opened without room for adapters",
            () -> sequence.adapt(new Adaptation(one, 1)));
      }
      assertRefused(
          "strength of adapter NaN: must be finite", () -> new Adaptation(one, Float.NaN));
    }
  }

  /** Sessions that share a cache take turns, and have one table between them. */
  @Test
  void anotherSessionRunsAdaptedSequencesToo() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 3, 6, 1);
    try (Model model = Model.open(tiny(GgmlType.Q8_0));
        Adapter adapter = Adapter.open(model, lora);
        Session session = open(model, 1)) {
      var room = new SessionOptions(LENGTH, 8, 2, 8);
      Plan plan = model.architecture().plan();
      int[] expected = alone(session, adapted(adapter, 1), tokens(1), 1);
      try (Session other = model.newSession(room, plan, session)) {
        List<int[]> rows = new ArrayList<>();
        Sequence adapted = session.newSequence();
        adapted.adapt(new Adaptation(adapter, 1));
        Sequence plain = other.newSequence();
        for (int i = 0; i < LENGTH; i++) {
          Session turn = i % 2 == 0 ? session : other;
          Session waiting = i % 2 == 0 ? other : session;
          turn.begin();
          turn.add(adapted, tokens(1)[i], true);
          waiting.begin();
          waiting.add(plain, 1, false);
          turn.run();
          rows.add(bits(turn.logits(0)));
          waiting.run();
        }
        assertArrayEquals(expected, rows.stream().flatMapToInt(Arrays::stream).toArray());
      }
      assertRefused(
          "sequences 5: adapters are chosen for at most the 4 of the other session",
          () -> model.newSession(room.withSequences(5), plan, session).close());
      assertTrue(session.hasRoomFor(adapter), "the other session closed nothing");
    }
  }

  @Test
  void anAdapterBelongsToItsModel() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 1, 1);
    try (Model model = Model.open(tiny(GgmlType.F32));
        Model other = Model.open(tiny(GgmlType.F32));
        Adapter adapter = Adapter.open(other, lora);
        Session session = open(model, 1);
        Sequence sequence = session.newSequence()) {
      assertRefused(
          "adapter " + lora + ": was opened for " + other.name(),
          () -> sequence.adapt(new Adaptation(adapter, 1)));
    }
  }

  @Test
  void aClosedAdapterStaysUntilTheLastSequenceHasIt() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 1, 1);
    try (Model model = Model.open(tiny(GgmlType.F32));
        Session session = open(model, 1)) {
      Adapter adapter = Adapter.open(model, lora);
      LowRank update = Objects.requireNonNull(adapter.update("blk.0.attn_q.weight"));
      var adaptation = new Adaptation(adapter, 1);
      int[] expected = alone(session, adaptation, tokens(1), 16);
      try (Sequence sequence = session.newSequence()) {
        sequence.adapt(adaptation);
        adapter.close();
        adapter.close();
        Sequence another = session.newSequence();
        Exception e = assertThrows(IllegalStateException.class, () -> another.adapt(adaptation));
        assertEquals("the adapter " + lora + " is closed", e.getMessage());
        session.feed(sequence, tokens(1));
        assertArrayEquals(
            Arrays.copyOfRange(expected, expected.length - TinyModel.VOCABULARY, expected.length),
            bits(session.logits(0)));
      }
      assertThrows(IllegalStateException.class, () -> update.b().getAtIndex(JAVA_FLOAT, 0));
    }
  }

  @Test
  void aModelClosesItsAdapters() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 1, 1);
    Adapter adapter;
    try (Model model = Model.open(tiny(GgmlType.F32))) {
      adapter = Adapter.open(model, lora);
      Session session = open(model, 1);
      session.newSequence().adapt(new Adaptation(adapter, 1));
    }
    assertThrows(IllegalStateException.class, adapter::retain);
  }

  /** Parts of a step are those of the plan that the session was opened with. */
  @Test
  void aStepRunsInParts() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 4, 1);
    try (Model model = Model.open(tiny(GgmlType.Q8_0));
        Adapter adapter = Adapter.open(model, lora);
        Session session = open(model, 1)) {
      int[] whole = alone(session, adapted(adapter, 1), tokens(1), 16);
      int ops = model.architecture().plan().ops().size();
      try (Sequence sequence = session.newSequence()) {
        sequence.adapt(new Adaptation(adapter, 1));
        session.begin();
        session.add(sequence, tokens(1)[0], true);
        for (int i = 0; i < ops; i++) {
          session.run(i, i + 1);
        }
        assertArrayEquals(Arrays.copyOf(whole, TinyModel.VOCABULARY), bits(session.logits(0)));
        assertThrows(IndexOutOfBoundsException.class, () -> session.run(0, ops + 1));
      }
    }
  }
}
