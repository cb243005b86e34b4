package dev.vidrio.model.session;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.CountingExecutor;
import dev.vidrio.model.testfiles.TinyModels;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests sequences and conversations of models with recurrent states. */
class StatesTest {
  private static final int[] TOKENS = IntStream.range(0, 40).map(i -> 11 * i % 64).toArray();

  @TempDir Path directory;

  private CountingExecutor executor = new CountingExecutor();
  private Model model = unopened();

  @SuppressWarnings("NullAway") // JUnit opens it before each test
  private static Model unopened() {
    return null;
  }

  @BeforeEach
  void open() throws IOException {
    model = open("{{ m.content }};");
  }

  /** Writes a model with a chat template of such turns. */
  private Model open(String turn) throws IOException {
    String template =
        "{% for m in messages %}{{ '1' if m.role == 'user' else '2' }}:"
            + turn
            + "{% endfor %}2:00";
    Path file = TinyModels.writeChat(directory.resolve("tiny.gguf"), "qwen35", template);
    var counting = new CountingExecutor();
    executor = counting;
    return Model.open(file, ModelOptions.with(() -> counting));
  }

  @AfterEach
  void close() {
    model.close();
  }

  private float[] alone(int... tokens) {
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      return session.feed(session.newSequence(), tokens).toArray(JAVA_FLOAT);
    }
  }

  private static int[] with(int token) {
    return IntStream.concat(Arrays.stream(TOKENS), IntStream.of(token)).toArray();
  }

  @Test
  void truncatesToTheLastSpanOrToNothing() {
    float[] expected = alone(TOKENS);
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      Sequence sequence = session.newSequence();
      session.feed(sequence, TOKENS);
      assertEquals(32, sequence.firstReachable());
      for (int left = 39; left >= 32; left--) {
        assertEquals(left, sequence.truncate(left));
        session.feed(sequence, 1);
        assertEquals(left, sequence.truncate(left));
        int[] rest = Arrays.copyOfRange(TOKENS, left, 40);
        assertArrayEquals(expected, session.feed(sequence, rest).toArray(JAVA_FLOAT));
      }
      assertEquals(0, sequence.truncate(31));
      assertEquals(0, sequence.length());
      assertArrayEquals(expected, session.feed(sequence, TOKENS).toArray(JAVA_FLOAT));
    }
  }

  /** Tokens up to the revocable limit can be truncated. */
  @Test
  void revocableTokensCanBeTruncated() {
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      Sequence sequence = session.newSequence();
      for (int position = 0; position < 40; position++) {
        int most = sequence.revocableFrom(position);
        session.feed(sequence, Arrays.copyOf(TOKENS, most));
        assertEquals(position + 1, sequence.truncate(position + 1));
      }
    }
  }

  /** As many slots as sequences suffice, whichever sequence writes first. */
  @Test
  void forksShareAStateUntilOneChangesIt() {
    try (Session session = model.newSession(SessionOptions.DEFAULT.withSequences(3))) {
      List<Sequence> forks = new ArrayList<>(List.of(session.newSequence()));
      session.feed(forks.getFirst(), TOKENS);
      forks.add(forks.getFirst().fork());
      forks.add(forks.getLast().fork());
      assertEquals(2, session.cache().freeSlots());
      for (int i : new int[] {1, 0, 2}) {
        assertArrayEquals(
            alone(with(i)), session.feed(forks.get(i), i).toArray(JAVA_FLOAT), "fork " + i);
      }
      assertEquals(0, session.cache().freeSlots());
      Sequence another = session.newSequence();
      assertThrows(IllegalStateException.class, () -> session.feed(another, 1));
      forks.forEach(Sequence::close);
      assertEquals(3, session.cache().freeSlots());
    }
  }

  /** Resumes from each checkpoint at each reachable position, while its sequence continues. */
  @Test
  void sequencesResumeFromCheckpoints() {
    float[] expected = alone(TOKENS);
    for (int length = 1; length < 40; length++) {
      try (Session session = model.newSession(SessionOptions.DEFAULT.withSlots(2))) {
        Sequence sequence = session.newSequence();
        session.feed(sequence, Arrays.copyOf(TOKENS, length));
        try (SequenceCheckpoint checkpoint = sequence.checkpoint(TOKENS)) {
          assertEquals((length - 1) / 16 * 16, checkpoint.firstReachable());
          session.feed(sequence, 5, 6, 7);
          for (int left = checkpoint.firstReachable(); left <= length; left++) {
            assertEquals(left, sequence.restore(checkpoint, left));
            int[] rest = Arrays.copyOfRange(TOKENS, left, 40);
            assertArrayEquals(expected, session.feed(sequence, rest).toArray(JAVA_FLOAT));
          }
          assertEquals(0, sequence.restore(checkpoint, Math.max(0, length - 17)));
        }
        assertEquals(2, session.cache().freeSlots());
        assertEquals(session.cache().blocks(), session.cache().freeBlocks());
      }
    }
  }

  @Test
  void checkpointSavesTheCommonPrefix() {
    try (Session session = model.newSession(SessionOptions.DEFAULT.withSlots(2));
        Session another = model.newSession(SessionOptions.DEFAULT)) {
      Sequence sequence = session.newSequence();
      session.feed(sequence, Arrays.copyOf(TOKENS, 32));
      try (SequenceCheckpoint checkpoint = sequence.checkpoint(TOKENS)) {
        int[] other = TOKENS.clone();
        other[20]++;
        assertEquals(32, checkpoint.reach(TOKENS, 40));
        assertEquals(32, checkpoint.reach(TOKENS, 33));
        assertEquals(31, checkpoint.reach(TOKENS, 32));
        assertEquals(20, checkpoint.reach(other, 40));
        other[15]++;
        assertEquals(0, checkpoint.reach(other, 40));
        assertEquals(15, checkpoint.common(other, 40));
        Sequence stranger = another.newSequence();
        assertThrows(InvalidInputException.class, () -> stranger.restore(checkpoint, 32));
      }
    }
  }

  private static final GenerationOptions GREEDY =
      GenerationOptions.DEFAULT
          .withTokens(9)
          .withIgnoreEnd(true)
          .withSampling(SamplingOptions.GREEDY);

  /** Returns the answer to a conversation without its last message, in a new chat. */
  private String answer(List<ChatMessage> messages, GenerationOptions options) {
    return model.chat(messages.subList(0, messages.size() - 1), options).result().text();
  }

  /** Turns that return to an earlier position answer as if they were new. */
  @Test
  void chatRunsAgainWhatItCannotTruncateTo() {
    ChatMessage one = ChatMessage.user("0123456789".repeat(8));
    try (Chat chat = model.newChat(ChatOptions.DEFAULT, GREEDY, SessionOptions.DEFAULT)) {
      for (ChatMessage second : List.of(ChatMessage.user("5"), ChatMessage.user("0123456789"))) {
        chat.setMessages(List.of());
        for (ChatMessage message : List.of(one, second, ChatMessage.user("6"))) {
          String answer = chat.send(message).result().text();
          assertEquals(answer(chat.messages(), GREEDY), answer);
        }
      }
      chat.setMessages(List.of());
      String answer = chat.send("9876543210".repeat(9)).result().text();
      assertEquals(answer(chat.messages(), GREEDY), answer);
    }
  }

  /** Includes templates that render earlier answers differently, without their reasoning. */
  @ParameterizedTest
  @ValueSource(strings = {"{{ m.content }};", "{{ m.content[:40] }};"})
  void turnRunsFewMoreTokensThanItsOwn(String turn) throws IOException {
    model.close();
    model = open(turn);
    GenerationOptions longer = GREEDY.withTokens(50);
    int before = 0;
    try (Chat chat = model.newChat(ChatOptions.DEFAULT, longer, SessionOptions.DEFAULT)) {
      for (String message : List.of("0123456789".repeat(4), "7".repeat(40), "5", "31")) {
        var _ = executor.takeTokens();
        GenerationResult result = chat.send(message).result();
        // A checkpoint is at most 32 tokens before the end of a prompt, or 64 if an earlier one was
        // kept.
        int most = result.promptTokens() - before + 32 + SequenceCheckpoint.MIN_TOKENS + 50;
        int ran = executor.takeTokens();
        assertTrue(ran <= most, ran + " of " + most + " tokens for " + message);
        before = result.promptTokens();
        assertEquals(answer(chat.messages(), longer), result.text());
      }
      assertTrue(before > 3 * SequenceCheckpoint.MIN_TOKENS);
    }
  }

  /** A template may render answers before tool results differently after the next user message. */
  @Test
  void toolResultsBelongToThePreviousTurn() throws IOException {
    model.close();
    model =
        open(
            "{{ m.content[:5] if m.role == 'assistant' and messages[-1].role == 'user' else"
                + " m.content }};");
    try (Chat chat = model.newChat(ChatOptions.DEFAULT, GREEDY, SessionOptions.DEFAULT)) {
      int before = chat.send("0123456789".repeat(15)).result().promptTokens();
      for (String result : List.of("7".repeat(70), "8".repeat(70))) {
        var _ = chat.send(ChatMessage.tool(result, null, null)).result();
      }
      var _ = executor.takeTokens();
      GenerationResult last = chat.send("9").result();
      int most = last.promptTokens() - before + 32 + last.tokens().size();
      int ran = executor.takeTokens();
      assertTrue(ran <= most, ran + " of " + most + " tokens");
      assertEquals(answer(chat.messages(), GREEDY), last.text());
    }
  }
}
