package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.server.testserver.TestServer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tokens that are sent in one write are separate events. */
class EventStreamTest {
  private static final String IDS = "\\b(cmpl-|chatcmpl-|resp_|msg_)\\w+";
  private static final String TIMES = "\"(created|created_at|completed_at)\":[0-9]+";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "completions | 'model':'bard','prompt':'To be','max_tokens':20",
        "chat/completions | 'model':'parrot','messages':[{'role':'user','content':'a b c d'}]",
        "responses | 'model':'parrot','input':'a b c d'"
      })
  void sendsSameEventsWithAndWithoutInterval(String route, String request) {
    String body = "{'temperature':0,'stream':true," + request + "}";
    List<String> atOnce = events(Duration.ZERO, route, body);
    assertTrue(atOnce.size() > 5, atOnce::toString);
    assertEquals(atOnce, events(Duration.ofMinutes(1), route, body));
  }

  private static List<String> events(Duration interval, String route, String body) {
    EngineOptions engine = EngineOptions.DEFAULT.withStreamInterval(interval);
    try (TestServer server = TestServer.start(options -> options.withEngine(engine))) {
      String events = server.post("/v1/" + route, body).body();
      return List.of(events.replaceAll(IDS, "$1").replaceAll(TIMES, "\"$1\":0").split("\n\n", 0));
    }
  }
}
