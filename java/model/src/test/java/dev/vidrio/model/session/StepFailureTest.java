package dev.vidrio.model.session;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.model.Model;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TextStream;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.FailingExecutor;
import dev.vidrio.model.testfiles.TinyModels;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tests that steps after a failed one have the bits that they would have without it, wherever in
 * the step it failed, for models with each kind of cache.
 */
class StepFailureTest {
  private static final int[] TOKENS = IntStream.range(0, 40).map(i -> 11 * i % 64).toArray();

  /** Distance between failure points in operations, and the length of the longest plan. */
  private static final int STRIDE = 4;

  private static final int OPERATIONS = 160;

  private static final GenerationOptions GREEDY =
      GenerationOptions.DEFAULT
          .withTokens(9)
          .withIgnoreEnd(true)
          .withSampling(SamplingOptions.GREEDY);

  @TempDir Path directory;

  private final FailingExecutor executor = new FailingExecutor();

  /** Returns a model with keys and values only, one with convolutions, and two with states. */
  private Model open(String name) throws IOException {
    String template =
        "{% for m in messages %}{{ '1' if m.role == 'user' else '2' }}:"
            + "{{ m.content }};{% endfor %}2:00";
    return executor.open(TinyModels.writeChat(directory.resolve("tiny.gguf"), name, template));
  }

  private void failAfter(int steps, int operations) {
    executor.operationsBeforeFailure = operations;
    executor.stepsUntilFailure.set(steps);
  }

  private static float[] alone(Model model, int... tokens) {
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      return session.feed(session.newSequence(), tokens).toArray(JAVA_FLOAT);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "lfm2", "qwen35", "granitehybrid"})
  @Tag("long")
  void failedTokensHaveNotRun(String name) throws IOException {
    try (Model model = open(name);
        Session session = model.newSession(SessionOptions.DEFAULT.withBatch(16))) {
      float[] expected = alone(model, TOKENS);
      boolean hasStates = session.cache().slots() > 0;
      for (int before : new int[] {0, 5, 16}) {
        for (int operations = 0; operations < OPERATIONS; operations += STRIDE) {
          Sequence sequence = session.newSequence();
          if (before > 0) {
            session.feed(sequence, Arrays.copyOf(TOKENS, before));
          }
          int[] rest = Arrays.copyOfRange(TOKENS, before, 40);
          int step = operations / STRIDE % Math.ceilDiv(rest.length, 16);
          failAfter(step, operations);
          assertThrows(OutOfMemoryError.class, () -> session.feed(sequence, rest));
          assertEquals(0, session.logitRows());
          int left = sequence.length();
          // The first step of 16 tokens from position 16 is the only one within a span.
          int known = !hasStates || (before == 16 && step == 0) ? before : 0;
          assertEquals(known, left);
          float[] logits =
              session.feed(sequence, Arrays.copyOfRange(TOKENS, left, 40)).toArray(JAVA_FLOAT);
          assertArrayEquals(expected, logits, "after " + operations + " of step " + step);
          sequence.close();
          assertEquals(session.cache().blocks(), session.cache().freeBlocks());
          assertEquals(session.cache().slots(), session.cache().freeSlots());
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen35"})
  void failedStepLeavesAllSequencesUnchanged(String name) throws IOException {
    try (Model model = open(name);
        Session session = model.newSession(SessionOptions.DEFAULT.withSequences(2).withLogits(2))) {
      float[] expected = alone(model, Arrays.copyOf(TOKENS, 20));
      Sequence first = session.newSequence();
      session.feed(first, Arrays.copyOf(TOKENS, 17));
      Sequence second = first.fork();
      failAfter(0, OPERATIONS / 2);
      begin(session, first, second);
      assertThrows(OutOfMemoryError.class, session::run);
      assertEquals(List.of(17, 17), List.of(first.length(), second.length()));
      begin(session, first, second);
      session.run();
      assertArrayEquals(expected, session.logits(0).toArray(JAVA_FLOAT));
      assertArrayEquals(expected, session.logits(1).toArray(JAVA_FLOAT));
    }
  }

  private static void begin(Session session, Sequence... sequences) {
    session.begin();
    for (Sequence sequence : sequences) {
      for (int p = 17; p < 20; p++) {
        session.add(sequence, TOKENS[p], p == 19);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen35"})
  void failedAnswerLeavesConversationUnchanged(String name) throws IOException {
    try (Model model = open(name);
        Chat chat = model.newChat(ChatOptions.DEFAULT, GREEDY, SessionOptions.DEFAULT)) {
      var _ = chat.send("0123456789".repeat(4)).result();
      List<ChatMessage> before = List.copyOf(chat.messages());
      for (int step = 0; step < 12; step++) {
        failAfter(step, OPERATIONS / 2);
        TextStream failing = chat.send("7".repeat(20));
        assertThrows(OutOfMemoryError.class, failing::result);
        assertEquals(before, chat.messages());
        executor.stepsUntilFailure.set(Integer.MAX_VALUE);
        assertThrows(IllegalStateException.class, failing::result);
        String answer = chat.send("7".repeat(20 + step % 2)).result().text();
        List<ChatMessage> asked = chat.messages().subList(0, before.size() + 1);
        assertEquals(model.chat(asked, GREEDY).result().text(), answer);
        chat.truncate(before.size());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = "llama")
  void failedStreamHasNoMorePieces(String name) throws IOException {
    try (Model model = open(name)) {
      TextStream stream = model.generate(TOKENS, GREEDY);
      Iterator<String> pieces = stream.iterator();
      failAfter(0, 0);
      assertThrows(OutOfMemoryError.class, pieces::hasNext);
      assertFalse(pieces.hasNext());
      assertThrows(IllegalStateException.class, stream::result);
      stream.close();
    }
  }
}
