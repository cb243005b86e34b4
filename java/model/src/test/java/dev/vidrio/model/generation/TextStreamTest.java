package dev.vidrio.model.generation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** Compares streams with the generator. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class TextStreamTest {
  private static final String PROMPT = "To be, or not to be";
  private static final GenerationOptions GREEDY =
      GenerationOptions.DEFAULT.withTokens(24).withSampling(SamplingOptions.GREEDY);

  private Model model = unopened();

  @SuppressWarnings("NullAway") // opened before all tests
  private static Model unopened() {
    return null;
  }

  @BeforeAll
  void open() {
    model = Model.open(BardFiles.q8());
  }

  @AfterAll
  void close() {
    model.close();
  }

  private List<Integer> stepwise(int count) {
    List<Integer> tokens = new ArrayList<>();
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      var generator = new Generator(session, GREEDY.withTokens(count));
      generator.prompt(session.newSequence(), model.tokenizer().encode(PROMPT));
      generator.forEachRemaining((int token) -> tokens.add(token));
    }
    return tokens;
  }

  @Test
  void piecesConcatenateToTheTextOfTheGenerator() {
    List<Integer> expected = stepwise(24);
    try (TextStream stream = model.generate(PROMPT, GREEDY)) {
      var text = new StringBuilder();
      for (String piece : stream) {
        assertFalse(piece.isEmpty());
        text.append(piece);
      }
      GenerationResult result = stream.result();
      assertEquals(expected, result.tokens());
      assertEquals(text.toString(), result.text());
      assertEquals(
          model.tokenizer().decode(expected.stream().mapToInt(i -> i).toArray()), result.text());
      assertEquals(model.tokenizer().encode(PROMPT).length, result.promptTokens());
      assertEquals(FinishReason.LENGTH, result.finish());
      assertThrows(IllegalStateException.class, stream::iterator);
    }
  }

  @Test
  void stopStringsEndTheText() {
    String whole = model.generate(PROMPT, GREEDY).result().text();
    String stop = whole.substring(10, 14);
    GenerationResult result = model.generate(PROMPT, GREEDY.withStop(stop)).result();
    assertEquals(whole.substring(0, whole.indexOf(stop)), result.text());
    assertEquals(FinishReason.STOP, result.finish());
  }

  @Test
  void cancelEndsTheText() {
    try (TextStream stream = model.generate(PROMPT, GREEDY)) {
      var pieces = stream.iterator();
      String first = pieces.next();
      stream.cancel();
      assertFalse(pieces.hasNext());
      assertEquals(first, stream.result().text());
      assertEquals(FinishReason.CANCELED, stream.result().finish());
    }
  }

  @Test
  void fullContextEndsTheText() {
    int declared = model.architecture().contextLength();
    int[] prompt = new int[declared];
    GenerationResult result = model.generate(prompt, GREEDY.withIgnoreEnd(true)).result();
    assertEquals(1, result.tokens().size());
    assertEquals(FinishReason.CONTEXT, result.finish());
    var e =
        assertThrows(
            InvalidInputException.class, () -> model.generate(new int[declared + 1], GREEDY));
    assertEquals(
        "prompt %d tokens: only %d of the %d positions of the context are free"
            .formatted(declared + 1, declared, declared),
        e.getMessage());
    assertThrows(InvalidInputException.class, () -> model.generate(new int[0], GREEDY));
  }

  /** A subscriber that requests one piece at a time and collects them. */
  private static final class Collector implements Flow.Subscriber<String> {
    final StringBuilder text = new StringBuilder();
    final CountDownLatch ended = new CountDownLatch(1);
    private final int pieces;
    private final long batch;
    Flow.@Nullable Subscription subscription;
    @Nullable Throwable error;
    int count;

    Collector(int pieces, long batch) {
      this.pieces = pieces;
      this.batch = batch;
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
      subscription = given;
      given.request(batch);
    }

    @Override
    public void onNext(String piece) {
      text.append(piece);
      count++;
      Flow.Subscription current = subscription;
      if (current == null) {
        throw new IllegalStateException("no subscription");
      }
      if (count == pieces) {
        current.cancel();
        ended.countDown();
      } else {
        current.request(batch);
      }
    }

    @Override
    public void onError(Throwable e) {
      error = e;
      ended.countDown();
    }

    @Override
    public void onComplete() {
      ended.countDown();
    }
  }

  @Test
  void subscribersReceiveTheText() throws InterruptedException {
    String expected = model.generate(PROMPT, GREEDY).result().text();
    for (long batch : new long[] {1, Long.MAX_VALUE}) {
      var collector = new Collector(Integer.MAX_VALUE, batch);
      model.generate(PROMPT, GREEDY).subscribe(collector);
      collector.ended.await();
      assertNull(collector.error);
      assertEquals(expected, collector.text.toString());
    }
  }

  @Test
  void subscribersCanCancelAndSendInvalidRequests() throws InterruptedException {
    var some = new Collector(3, 1);
    TextStream stream = model.generate(PROMPT, GREEDY);
    stream.subscribe(some);
    some.ended.await();
    assertEquals(FinishReason.CANCELED, stream.result().finish());
    assertEquals(3, some.count);

    var wrong = new Collector(3, 0);
    model.generate(PROMPT, GREEDY).subscribe(wrong);
    wrong.ended.await();
    assertInstanceOf(IllegalArgumentException.class, wrong.error);
    assertEquals(0, wrong.count);
  }

  /** Reactive streams rule 1.9; the stream can still be read afterwards. */
  @Test
  @SuppressWarnings("NullAway") // passes null on purpose
  void rejectsNullSubscriber() {
    TextStream stream = model.generate(PROMPT, GREEDY);
    assertThrows(NullPointerException.class, () -> stream.subscribe(null));
    assertFalse(stream.result().text().isEmpty());
  }

  @Test
  void closingTheModelEndsItsStreams() {
    TextStream stream;
    try (Model other = Model.open(BardFiles.q8())) {
      stream = other.generate(PROMPT, GREEDY);
      assertTrue(stream.iterator().hasNext());
    }
    assertThrows(IllegalStateException.class, stream::result);
  }
}
