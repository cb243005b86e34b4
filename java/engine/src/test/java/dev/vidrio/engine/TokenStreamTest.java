package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.model.InvalidInputException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.Test;

/** When tokens may be read. */
class TokenStreamTest {
  private static final Duration LONG = Duration.ofMinutes(1);

  private static TokenStream stream(Duration interval, int tokens) {
    var stream = new TokenStream(interval, () -> {});
    for (int token = 0; token < tokens; token++) {
      stream.publish(new GeneratedToken(token, "", null));
    }
    return stream;
  }

  /** Reads those that need no wait. */
  private static List<Integer> ready(TokenStream stream, Iterator<GeneratedToken> tokens) {
    List<Integer> ids = new ArrayList<>();
    while (stream.isReady()) {
      ids.add(tokens.next().id());
    }
    return ids;
  }

  @Test
  void withoutAnIntervalEachTokenIsReadyAtOnce() {
    TokenStream stream = stream(Duration.ZERO, 3);
    assertEquals(List.of(0, 1, 2), ready(stream, stream.iterator()));
  }

  @Test
  void withinTheIntervalTheFirstTokenIsReadyAndTheOthersWait() {
    TokenStream stream = stream(LONG, 3);
    Iterator<GeneratedToken> tokens = stream.iterator();
    assertEquals(List.of(0), ready(stream, tokens));
    stream.flush();
    assertEquals(List.of(1, 2), ready(stream, tokens));
    assertFalse(stream.isReady());
  }

  @Test
  void theEndOfTheAnswerLetsAllBeRead() {
    TokenStream stream = stream(LONG, 3);
    stream.fail(new EngineException.Closed("bard"));
    Iterator<GeneratedToken> tokens = stream.iterator();
    assertEquals(List.of(0, 1, 2), ready(stream, tokens));
    assertThrows(EngineException.Closed.class, tokens::hasNext);
  }

  @Test
  void theIntervalHasALimit() {
    assertThrows(
        InvalidInputException.class,
        () -> EngineOptions.DEFAULT.withStreamInterval(LONG.plusNanos(1)));
    assertEquals(LONG, EngineOptions.DEFAULT.withStreamInterval(LONG).streamInterval());
  }
}
