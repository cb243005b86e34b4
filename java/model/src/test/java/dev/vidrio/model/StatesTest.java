package dev.vidrio.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.ChatOptions;
import dev.vidrio.model.testfiles.TinyModels;
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

/** Sequences and conversations of a model with states, which are known in one place of a text. */
class StatesTest {
  private static final int[] TOKENS = IntStream.range(0, 40).map(i -> 11 * i % 64).toArray();

  @TempDir Path directory;

  private Model model = unopened();

  @SuppressWarnings("NullAway") // JUnit opens it before each test
  private static Model unopened() {
    return null;
  }

  @BeforeEach
  void open() throws IOException {
    String template =
        "{% for m in messages %}{{ '1' if m.role == 'user' else '2' }}:{{ m.content }};"
            + "{% endfor %}2:";
    model = Model.open(TinyModels.writeChat(directory.resolve("tiny.gguf"), "qwen35", template));
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
  void aSequenceIsCutBackToItsLastSpanOrToNothing() {
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

  /** What can run from a position on is what can be taken back. */
  @Test
  void whatIsRevocableCanBeTakenBack() {
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      Sequence sequence = session.newSequence();
      for (int position = 0; position < 40; position++) {
        int most = sequence.revocableFrom(position);
        session.feed(sequence, Arrays.copyOf(TOKENS, most));
        assertEquals(position + 1, sequence.truncate(position + 1));
      }
    }
  }

  /** As many slots as sequences are enough, whichever of them changes first. */
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

  /** Turns that go back to an earlier place of the text answer as if they were new. */
  @Test
  void aChatRunsAgainWhatItCannotGoBackTo() {
    GenerationOptions greedy =
        GenerationOptions.DEFAULT
            .withTokens(9)
            .withIgnoreEnd(true)
            .withSampling(SamplingOptions.GREEDY);
    ChatMessage one = ChatMessage.user("01234567890123456789");
    try (Chat chat = model.newChat(ChatOptions.DEFAULT, greedy, SessionOptions.DEFAULT)) {
      for (ChatMessage second : List.of(ChatMessage.user("5"), ChatMessage.user("0123456789"))) {
        chat.setMessages(List.of());
        for (ChatMessage message : List.of(one, second, ChatMessage.user("6"))) {
          String answer = chat.send(message).result().text();
          List<ChatMessage> messages = chat.messages();
          assertEquals(
              model.chat(messages.subList(0, messages.size() - 1), greedy).result().text(), answer);
        }
      }
    }
  }
}
