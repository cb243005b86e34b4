package dev.vidrio.model.session;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.Batch;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.Generator;
import dev.vidrio.model.sampling.Candidates;
import dev.vidrio.model.sampling.LogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.WatchedExecutor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SessionTest {
  @TempDir Path directory;

  private Model model = unopened();

  @SuppressWarnings("NullAway") // JUnit opens it before each test
  private static Model unopened() {
    return null;
  }

  @BeforeEach
  void open() throws IOException {
    Path file = directory.resolve("tiny.gguf");
    TinyModel.write(file, TinyModel.Options.standard());
    model = Model.open(file);
  }

  @AfterEach
  void close() {
    model.close();
  }

  private static void assertMessage(String expected, Runnable action) {
    assertEquals(expected, assertThrows(InvalidInputException.class, action::run).getMessage());
  }

  @Test
  void rejectsTokensBeyondTheContext() {
    try (Session session = model.newSession(SessionOptions.DEFAULT.withContext(10))) {
      Sequence sequence = session.newSequence();
      assertMessage(
          "prompt 11 tokens: only 10 of the 10 positions of the context are free",
          () -> session.feed(sequence, new int[11]));
      assertEquals(0, sequence.length());
      session.feed(sequence, new int[10]);
      assertMessage(
          "prompt 1 tokens: only 0 of the 10 positions of the context are free",
          () -> session.feed(sequence, 1));
      session.begin();
      assertMessage("context: all 10 positions are used", () -> session.add(sequence, 1, true));
    }
  }

  @Test
  void rejectsUnknownTokens() {
    int vocabulary = model.architecture().vocabulary();
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      Sequence sequence = session.newSequence();
      for (int id : new int[] {-1, vocabulary, Integer.MAX_VALUE}) {
        assertMessage(
            "token id " + id + ": must be 0 to " + (vocabulary - 1),
            () -> session.feed(sequence, 1, id));
      }
      assertMessage("prompt: has no tokens", () -> session.feed(sequence));
      assertEquals(0, sequence.length());
    }
  }

  @Test
  void rejectsSequencesOfOtherCaches() {
    try (Session session = model.newSession(SessionOptions.DEFAULT);
        Session other = model.newSession(SessionOptions.DEFAULT)) {
      Sequence sequence = other.newSequence();
      String message = "sequence: belongs to another session with another key-value cache";
      assertMessage(message, () -> session.feed(sequence, 1, 2));
      session.begin();
      assertMessage(message, () -> session.add(sequence, 1, true));
      assertEquals(0, sequence.length());
      other.feed(sequence, 1, 2);
      assertEquals(2, sequence.length());
    }
  }

  @Test
  void rejectsOptionsThatDoNotFitTheModel() {
    assertMessage(
        "context 129: the model was made for 128 tokens",
        () -> model.newSession(SessionOptions.DEFAULT.withContext(129)).close());
    assertMessage("batch 0: must be at least 1", () -> SessionOptions.DEFAULT.withBatch(0));
    assertMessage(
        "logits 513: must be at most the batch 512", () -> SessionOptions.DEFAULT.withLogits(513));
  }

  @Test
  void rejectsMoreThanTheStepHolds() {
    try (Session session = model.newSession(new SessionOptions(0, 3, 1, 1))) {
      Sequence first = session.newSequence();
      Sequence second = session.newSequence();
      session.begin();
      session.add(first, 1, true);
      String full = "step: is full: at most 3 tokens and 1 rows of logits";
      assertMessage(full, () -> session.add(first, 1, true));
      assertMessage("step: is full: at most 1 sequences", () -> session.add(second, 1, false));
      session.add(first, 1, false);
      session.add(first, 1, false);
      assertMessage(full, () -> session.add(first, 1, false));
      session.run();
      assertEquals(1, session.logitRows());
      assertThrows(IndexOutOfBoundsException.class, () -> session.logits(1));
    }
  }

  @Test
  void truncatedTokensLeaveNoTrace() {
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      Sequence sequence = session.newSequence();
      float[] expected = copy(session.feed(sequence, 5, 6, 7, 8));
      sequence.truncate(1);
      session.feed(sequence, new int[100]);
      sequence.truncate(1);
      assertArrayEquals(expected, copy(session.feed(sequence, 6, 7, 8)));
      assertMessage("length 5: must be 0 to 4", () -> sequence.truncate(5));
    }
  }

  @Test
  void forksContinueAsIfAlone() {
    int[] prompt = IntStream.range(0, 70).map(i -> 3 * i % 64).toArray();
    float[] five;
    float[] six;
    try (Session alone = model.newSession(SessionOptions.DEFAULT.withSequences(2))) {
      five = copy(alone.feed(fed(alone, prompt), 5));
      six = copy(alone.feed(fed(alone, prompt), 6));
    }
    try (Session session = model.newSession(SessionOptions.DEFAULT.withSequences(2))) {
      Sequence first = fed(session, prompt);
      Sequence second = first.fork();
      assertEquals(2, session.cache().blocks() - session.cache().freeBlocks());
      assertEquals(1, second.blocksFor(1));
      assertArrayEquals(six, copy(session.feed(second, 6)));
      assertArrayEquals(five, copy(session.feed(first, 5)));
      assertEquals(3, session.cache().blocks() - session.cache().freeBlocks());
      Sequence third = session.newSequence();
      third.append(first.block(0));
      first.close();
      second.close();
      session.feed(third, Arrays.copyOfRange(prompt, 64, 70));
      assertArrayEquals(six, copy(session.feed(third, 6)));
      third.close();
      assertEquals(session.cache().blocks(), session.cache().freeBlocks());
    }
  }

  private static Sequence fed(Session session, int[] prompt) {
    Sequence sequence = session.newSequence();
    session.feed(sequence, prompt);
    return sequence;
  }

  @Test
  void releasesBlocks() {
    var options = new SessionOptions(128, 128, 2, 1);
    try (Session session = model.newSession(options)) {
      for (int i = 0; i < 20; i++) {
        try (Sequence a = session.newSequence();
            Sequence b = session.newSequence()) {
          session.feed(a, new int[128]);
          session.feed(b, new int[65]);
        }
      }
    }
  }

  @Test
  void tokensThatDoNotFitTheCacheLeaveTheSequenceUnchanged() {
    int[] text = IntStream.range(0, 70).toArray();
    float[] expected;
    try (Session alone = model.newSession(SessionOptions.DEFAULT)) {
      expected = alone.feed(alone.newSequence(), text).toArray(JAVA_FLOAT);
    }
    SessionOptions options = SessionOptions.DEFAULT.withBatch(16).withSequences(2).withBlocks(2);
    try (Session session = model.newSession(options)) {
      Sequence first = session.newSequence();
      Sequence second = session.newSequence();
      session.feed(first, 1);
      session.feed(second, Arrays.copyOf(text, 5));
      var e = assertThrows(IllegalStateException.class, () -> session.feed(second, text));
      assertEquals(
          "70 tokens need 1 blocks of the key-value cache; 0 of 2 are free", e.getMessage());
      assertEquals(5, second.length());
      first.close();
      int[] rest = Arrays.copyOfRange(text, 5, 70);
      assertArrayEquals(expected, session.feed(second, rest).toArray(JAVA_FLOAT));
    }
  }

  @Test
  void throwsAfterClose() {
    Session session = model.newSession(SessionOptions.DEFAULT);
    Sequence sequence = session.newSequence();
    session.feed(sequence, 1);
    model.close();
    model.close();
    assertThrows(IllegalStateException.class, () -> session.feed(sequence, 1));
    assertThrows(IllegalStateException.class, () -> session.logits(0));
    assertThrows(IllegalStateException.class, session::newSequence);
    assertThrows(
        IllegalStateException.class, () -> model.newSession(SessionOptions.DEFAULT).close());
  }

  /** Closes a model while a session of it is being opened. */
  private static final class ClosingExecutor extends WatchedExecutor {
    private final List<MemorySegment> allocated = new ArrayList<>();
    private @Nullable Model closing;
    private @Nullable Thread closer;

    @Override
    public MemorySegment allocate(long bytes, Arena arena) {
      MemorySegment memory = super.allocate(bytes, arena);
      Model open = closing;
      if (open != null) {
        allocated.add(memory);
        if (closer == null) {
          closer = Thread.ofPlatform().start(open::close);
        }
        while (!open.loaded().isClosed()) {
          Thread.onSpinWait();
        }
      }
      return memory;
    }

    @Override
    protected void onRun(Batch batch, int begin, int end) {}
  }

  @Test
  void closedModel_closesSessionsThatAreBeingOpened() throws InterruptedException {
    var executor = new ClosingExecutor();
    Model other = Model.open(directory.resolve("tiny.gguf"), ModelOptions.with(() -> executor));
    executor.closing = other;
    Session session = other.newSession(SessionOptions.DEFAULT);
    Objects.requireNonNull(executor.closer).join();
    assertTrue(session.isClosed());
    assertFalse(executor.allocated.isEmpty());
    for (MemorySegment memory : executor.allocated) {
      assertFalse(memory.scope().isAlive());
    }
  }

  @Test
  void generatorEndsAtItsLimitAndTheContext() {
    List<Integer> all = generate(128, 1000, FinishReason.CONTEXT);
    assertEquals(128 - 3 + 1, all.size());
    List<Integer> some = generate(128, 7, FinishReason.LENGTH);
    assertEquals(all.subList(0, 7), some);
    assertEquals(List.of(), generate(128, 0, FinishReason.LENGTH));
  }

  @Test
  void generatorStopsAtEndToken() {
    int end = model.tokenizer().eos().orElseThrow();
    var options =
        SamplingOptions.builder()
            .temperature(0)
            .logitBias(java.util.Map.of(end, Float.POSITIVE_INFINITY))
            .build();
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      var generator = new Generator(session, GenerationOptions.DEFAULT.withSampling(options));
      generator.prompt(session.newSequence(), 1, 2, 3);
      assertFalse(generator.hasNext());
      assertEquals(FinishReason.STOP, generator.finish());
    }
  }

  @Test
  void candidatesMatchTheLogits() {
    try (Session session = model.newSession(SessionOptions.DEFAULT.withLogits(3))) {
      Sequence sequence = session.newSequence();
      for (int step = 0; step < 2; step++) {
        session.begin();
        for (int i = 0; i < 5; i++) {
          session.add(sequence, 1 + i, i % 2 == 0);
        }
        session.run();
        for (int row = 0; row < 3; row++) {
          Candidates candidates = session.candidates(row);
          float[] logits = copy(session.logits(row));
          assertEquals(Math.min(Session.CANDIDATES, logits.length), candidates.count());
          List<Integer> order =
              IntStream.range(0, logits.length)
                  .boxed()
                  .sorted(Comparator.comparingDouble(id -> -logits[id]))
                  .toList();
          for (int i = 0; i < candidates.count(); i++) {
            assertEquals(order.get(i), candidates.id(i));
            assertEquals(logits[order.get(i)], candidates.value(i));
          }
          assertEquals(
              LogProbability.of(session.logits(row), 7),
              candidates.logProbability(logits[7]),
              1e-5);
        }
        assertThrows(IndexOutOfBoundsException.class, () -> session.candidates(3));
      }
    }
  }

  private List<Integer> generate(int context, int limit, FinishReason finish) {
    GenerationOptions options =
        GenerationOptions.DEFAULT
            .withTokens(limit)
            .withSampling(SamplingOptions.GREEDY)
            .withIgnoreEnd(true);
    try (Session session = model.newSession(SessionOptions.DEFAULT.withContext(context))) {
      var generator = new Generator(session, options);
      generator.prompt(session.newSequence(), 1, 2, 3);
      List<Integer> tokens = new ArrayList<>();
      generator.forEachRemaining((int token) -> tokens.add(token));
      assertEquals(finish, generator.finish());
      return tokens;
    }
  }

  private static float[] copy(MemorySegment logits) {
    return logits.toArray(JAVA_FLOAT);
  }
}
