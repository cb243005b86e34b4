package dev.vidrio.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Placement;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the memory, progress and failures of loading. */
class LoadTest {

  /** The native executor; records allocations and packs, and fails on demand. */
  private static final class Recorder implements Executor {
    private final Executor executor = NativeExecutor.create();
    private final List<MemorySegment> allocated = new ArrayList<>();
    private final List<MemorySegment> slices = new ArrayList<>();
    private long packedBytes;
    private long available = Long.MAX_VALUE;
    private int packsUntilFailure = Integer.MAX_VALUE;
    private int allocationsUntilFailure = Integer.MAX_VALUE;
    private boolean closed;

    @Override
    public String name() {
      return executor.name();
    }

    @Override
    public int workers() {
      return executor.workers();
    }

    @Override
    public MemorySegment allocate(long bytes, Arena arena) {
      if (allocationsUntilFailure-- == 0) {
        throw new OutOfMemoryError(bytes + " bytes");
      }
      MemorySegment memory = executor.allocate(bytes, arena);
      allocated.add(memory);
      return memory;
    }

    @Override
    public long availableMemory() {
      return available;
    }

    @Override
    public boolean multipliesRows() {
      return true;
    }

    @Override
    public void place(MemorySegment memory, Placement placement) {
      if (placement == Placement.SLICES) {
        slices.add(memory);
      } else {
        assertTrue(allocated.contains(memory));
      }
    }

    @Override
    public void pack(WeightType type, int n, int k, MemorySegment source, MemorySegment packed) {
      if (packsUntilFailure-- == 0) {
        executor.close();
      }
      executor.pack(type, n, k, source, packed);
      packedBytes += packed.byteSize();
    }

    @Override
    public ExecutablePlan prepare(Plan plan, Limits limits, KvCache cache) {
      return executor.prepare(plan, limits, cache);
    }

    @Override
    public void close() {
      closed = true;
      executor.close();
    }

    long allocatedBytes() {
      return allocated.stream().mapToLong(MemorySegment::byteSize).sum();
    }

    void assertNoMemoryIsLeft() {
      assertTrue(closed);
      allocated.forEach(memory -> assertFalse(memory.scope().isAlive()));
    }
  }

  private record Step(long done, long total, Thread thread) {}

  private static Path tiny(Path directory, GgmlType type, boolean tied) throws IOException {
    var options = TinyModel.Options.standard().withType(type).withTied(tied).withBiases(true);
    return TinyModel.write(directory.resolve("tiny.gguf"), options);
  }

  private static int[] logits(Model model) {
    var options = new SessionOptions(8, 8, 1, 8);
    try (Session session = model.newSession(options)) {
      Sequence sequence = session.newSequence();
      session.begin();
      for (int i = 0; i < 8; i++) {
        session.add(sequence, 31 * i % model.architecture().vocabulary(), i == 7);
      }
      session.run();
      return session.logits(0).toArray(ValueLayout.JAVA_INT);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void reportsBytesInOrderOnTheOpeningThread(boolean tied, @TempDir Path directory)
      throws IOException {
    List<Step> steps = new ArrayList<>();
    var options =
        ModelOptions.with(NativeExecutor::create)
            .withProgress(
                (done, total) -> steps.add(new Step(done, total, Thread.currentThread())));
    try (Model model = Model.open(tiny(directory, GgmlType.Q4_1, tied), options)) {
      long total = model.gguf().tensors().stream().mapToLong(t -> t.data().byteSize()).sum();
      assertEquals(0, steps.getFirst().done);
      assertEquals(total, steps.getLast().done);
      for (int i = 0; i < steps.size(); i++) {
        assertEquals(total, steps.get(i).total);
        assertSame(Thread.currentThread(), steps.get(i).thread);
        assertTrue(i == 0 || steps.get(i).done >= steps.get(i - 1).done);
      }
      assertTrue(steps.size() > 10);
    }
  }

  /** Matrices are packed once and need the memory of their file, plus an incomplete last group. */
  @Test
  void allocatesExactlyThePackedWeights() {
    var recorder = new Recorder();
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> recorder))) {
      long packed = 0;
      long vectors = 0;
      for (GgufTensor tensor : model.gguf().tensors()) {
        if (tensor.type() == GgmlType.Q8_0) {
          packed += Packing.bytes(WeightType.Q8_0, (int) tensor.rows(), (int) tensor.dim(0));
        } else {
          vectors += Math.ceilDiv(tensor.elements() * Float.BYTES, 64) * 64;
        }
      }
      assertEquals(packed, recorder.packedBytes);
      assertTrue(recorder.allocatedBytes() >= packed + vectors);
      assertTrue(recorder.allocatedBytes() <= model.gguf().size() * 1.05);
    }
  }

  @Test
  void placesPackedMatricesAsSlices() {
    var recorder = new Recorder();
    try (Model model = Model.open(BardFiles.q8(), ModelOptions.with(() -> recorder))) {
      List<Long> packed =
          model.gguf().tensors().stream()
              .filter(tensor -> tensor.type() == GgmlType.Q8_0)
              .map(t -> Packing.bytes(WeightType.Q8_0, (int) t.rows(), (int) t.dim(0)))
              .sorted()
              .toList();
      assertEquals(packed, recorder.slices.stream().map(MemorySegment::byteSize).sorted().toList());
    }
  }

  /** Each expert's matrix is divided among the workers, as other matrices are. */
  @Test
  void placesExperts(@TempDir Path directory) throws IOException {
    var recorder = new Recorder();
    var options = TinyModel.Options.standard().withType(GgmlType.Q8_0).withExperts(4);
    Path file = TinyModel.write(directory.resolve("tiny.gguf"), options);
    try (Model _ = Model.open(file, ModelOptions.with(() -> recorder))) {
      long placed = recorder.slices.stream().mapToLong(MemorySegment::byteSize).sum();
      assertTrue(placed > 0);
      assertEquals(recorder.packedBytes, placed);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"Q8_0", "Q4_K", "F16"})
  void releasedPagesReadTheSame(GgmlType type, @TempDir Path directory) throws IOException {
    Path file = tiny(directory, type, true);
    var options = ModelOptions.with(NativeExecutor::create);
    byte[] bytes = Files.readAllBytes(file);
    int[] unreleased;
    try (Model model = Model.read("tiny", new ByteArrayInputStream(bytes), bytes.length, options)) {
      unreleased = logits(model);
    }
    try (Model model = Model.open(file, options)) {
      assertArrayEquals(unreleased, logits(model));
      for (GgufTensor tensor : model.gguf().tensors()) {
        var inFile =
            MemorySegment.ofArray(bytes).asSlice(tensor.offset(), tensor.data().byteSize());
        assertEquals(-1, inFile.mismatch(tensor.data()));
      }
    }
  }

  @Test
  void littleMemory_rejectsModelBeforePacking() {
    var recorder = new Recorder();
    recorder.available = BardFiles.q8().toFile().length() / 2;
    OutOfMemoryError error =
        assertThrows(
            OutOfMemoryError.class,
            () -> Model.open(BardFiles.q8(), ModelOptions.with(() -> recorder)));
    assertTrue(String.valueOf(error.getMessage()).contains("GB available"), error::getMessage);
    assertEquals(0, recorder.packedBytes);
    recorder.assertNoMemoryIsLeft();
  }

  @Test
  void littleMemory_runsModelThatStaysInTheFile() {
    var options = ModelOptions.with(NativeExecutor::create);
    int[] expected;
    try (Model model = Model.open(BardFiles.q8(), options)) {
      expected = logits(model);
    }
    var recorder = new Recorder();
    recorder.available = BardFiles.q8().toFile().length() / 2;
    var mapped = ModelOptions.with(() -> recorder).withRepacking(Repacking.NEVER);
    try (Model model = Model.open(BardFiles.q8(), mapped)) {
      assertArrayEquals(expected, logits(model));
      assertEquals(0, recorder.packedBytes);
    }
  }

  @Test
  void littleMemory_leavesWeightsInTheFileThatWouldBePackedLater() {
    var recorder = new Recorder();
    recorder.available = BardFiles.q8().toFile().length() / 2;
    var deferred = ModelOptions.with(() -> recorder).withRepacking(Repacking.DEFERRED);
    try (Model model = Model.open(BardFiles.q8(), deferred);
        Session session = model.newSession(new SessionOptions(8, 8, 1, 8))) {
      Sequence sequence = session.newSequence();
      for (int i = 0; i < 3; i++) {
        step(session, sequence);
      }
      assertEquals(0, recorder.packedBytes);
    }
  }

  /** The memory is taken by others after the model was opened. */
  @Test
  void lessMemoryLater_rejectsDeferredPacking() {
    var recorder = new Recorder();
    var deferred = ModelOptions.with(() -> recorder).withRepacking(Repacking.DEFERRED);
    try (Model model = Model.open(BardFiles.q8(), deferred);
        Session session = model.newSession(new SessionOptions(8, 8, 1, 8))) {
      recorder.available = BardFiles.q8().toFile().length() / 2;
      Sequence sequence = session.newSequence();
      step(session, sequence);
      assertThrows(
          OutOfMemoryError.class,
          () -> {
            step(session, sequence);
            step(session, sequence);
          });
      assertEquals(0, recorder.packedBytes);
    }
  }

  private static void step(Session session, Sequence sequence) {
    session.begin();
    session.add(sequence, 1, true);
    session.run();
  }

  @Test
  void closedExecutorDuringLoadFreesAll() {
    var recorder = new Recorder();
    recorder.packsUntilFailure = 7;
    assertThrows(
        IllegalStateException.class,
        () -> Model.open(BardFiles.q8(), ModelOptions.with(() -> recorder)));
    recorder.assertNoMemoryIsLeft();
  }

  @Test
  void outOfMemoryFreesAll() {
    var recorder = new Recorder();
    recorder.allocationsUntilFailure = 0;
    assertThrows(
        OutOfMemoryError.class,
        () -> Model.open(BardFiles.q8(), ModelOptions.with(() -> recorder)));
    recorder.assertNoMemoryIsLeft();
  }

  @Test
  void throwingListenerFreesAll() {
    var recorder = new Recorder();
    var options =
        ModelOptions.with(() -> recorder)
            .withProgress(
                (done, total) -> {
                  if (done > total / 2) {
                    throw new IllegalStateException("stop");
                  }
                });
    assertThrows(IllegalStateException.class, () -> Model.open(BardFiles.q8(), options));
    recorder.assertNoMemoryIsLeft();
  }

  /** The file lacks a tensor that is read after others were packed. */
  @Test
  void damagedFileFreesAll(@TempDir Path directory) throws IOException {
    byte[] bytes = Files.readAllBytes(BardFiles.q8());
    var name = "blk.0.ffn_down.weight".getBytes(StandardCharsets.UTF_8);
    int at = indexOf(bytes, name);
    bytes[at + name.length - 1] = 'X';
    Path file = Files.write(directory.resolve("damaged.gguf"), bytes);
    var recorder = new Recorder();
    assertThrows(
        ModelFileException.class, () -> Model.open(file, ModelOptions.with(() -> recorder)));
    assertTrue(recorder.packedBytes > 0);
    recorder.assertNoMemoryIsLeft();
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    return new String(bytes, StandardCharsets.ISO_8859_1)
        .indexOf(new String(part, StandardCharsets.ISO_8859_1));
  }
}
