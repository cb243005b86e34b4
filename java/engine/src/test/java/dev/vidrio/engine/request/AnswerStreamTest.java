package dev.vidrio.engine.request;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.model.generation.GeneratedToken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tests when tokens become readable. */
class AnswerStreamTest {
  private static final Duration LONG = Duration.ofMinutes(1);

  private static AnswerStream stream(Duration interval, int tokens) {
    var stream = new AnswerStream(interval, () -> {});
    for (int token = 0; token < tokens; token++) {
      stream.publish(new GeneratedToken(token, "", "", null));
    }
    return stream;
  }

  /** Reads the tokens that are ready. */
  private static List<Integer> ready(AnswerStream stream, Iterator<GeneratedToken> tokens) {
    List<Integer> ids = new ArrayList<>();
    while (stream.isReady()) {
      ids.add(tokens.next().id());
    }
    return ids;
  }

  @Test
  void withoutIntervalEachTokenIsReadyAtOnce() {
    AnswerStream stream = stream(Duration.ZERO, 3);
    assertEquals(List.of(0, 1, 2), ready(stream, stream.iterator()));
  }

  @Test
  void withinIntervalOnlyTheFirstTokenIsReady() {
    AnswerStream stream = stream(LONG, 3);
    Iterator<GeneratedToken> tokens = stream.iterator();
    assertEquals(List.of(0), ready(stream, tokens));
    stream.flush();
    assertEquals(List.of(1, 2), ready(stream, tokens));
    assertFalse(stream.isReady());
  }

  @Test
  void endOfAnswerReleasesAllTokens() {
    AnswerStream stream = stream(LONG, 3);
    stream.fail(new IllegalStateException("made to fail"));
    Iterator<GeneratedToken> tokens = stream.iterator();
    assertEquals(List.of(0, 1, 2), ready(stream, tokens));
    assertThrows(IllegalStateException.class, tokens::hasNext);
  }
}
