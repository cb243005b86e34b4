package dev.vidrio.fuzz;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Checks the answers of a server. */
final class ServerAnswer {
  /** Receives the exceptions of requests that fail with status 500, and the access log. */
  private static final ServerLog LOG = new ServerLog();

  /** Reports Transfer-Encoding, and routes of Ollama that the server does not have. */
  private static final int NOT_IMPLEMENTED = 501;

  private static final String TEMPORARY = System.getProperty("java.io.tmpdir");

  private ServerAnswer() {}

  /** Begins to receive the lines of the log, before a server starts. */
  static void listen() {
    var _ = LOG.takeException();
  }

  /**
   * Requires a documented status, JSON that can be parsed, and one line for each error, without the
   * paths of the server's temporary files.
   *
   * @param request the bytes of the request, which an error may repeat
   * @throws AssertionError if this does not hold, which is a finding
   */
  static void require(int status, @Nullable String type, String body, byte[] request) {
    Throwable cause = LOG.takeException();
    String forged = LOG.takeForged();
    Oracle.require(forged == null, "a forged line of the log: " + forged);
    if (status >= 500 && status != NOT_IMPLEMENTED) {
      throw new AssertionError("status " + status + ": " + body, cause);
    }
    if ("application/json".equals(type) && !body.isEmpty()) {
      JsonNode json = json(body);
      if (status >= 400) {
        requireOneLine(json, Fixtures.text(request));
      }
    }
  }

  private static JsonNode json(String body) {
    try {
      return JsonMapper.shared().readTree(body);
    } catch (JacksonException e) {
      throw new AssertionError("no JSON: " + body, e);
    }
  }

  /** Requires the message of an error in the format of any API to be one printable line. */
  private static void requireOneLine(JsonNode json, String request) {
    JsonNode error = json.path("error");
    String message =
        List.of(error, error.path("message")).stream()
            .filter(JsonNode::isString)
            .map(JsonNode::stringValue)
            .findFirst()
            .orElseThrow(() -> new AssertionError("no message: " + json));
    Oracle.require(
        message.codePoints().noneMatch(Character::isISOControl),
        "a message with control characters: " + json);
    Oracle.require(
        !json.toString().contains(TEMPORARY) || request.contains(TEMPORARY),
        "an error with a path: " + json);
  }
}
