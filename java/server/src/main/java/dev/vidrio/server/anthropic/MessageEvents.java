package dev.vidrio.server.anthropic;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.server.generation.AnswerStreams;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.ApiFormat;
import dev.vidrio.server.http.EventStream;
import dev.vidrio.server.http.ExceptionMapper;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.template.ToolCall;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Streams a message as named events: one content block after the other. */
final class MessageEvents {
  private static final String TEXT = "text";
  private static final String THINKING = "thinking";

  private final Exchange exchange;
  private final EventStream events;
  private final MessageResponse response;
  private final ChatAnswer answer;
  // The type of the open block, or null.
  private @Nullable String open;
  private int index;

  MessageEvents(Exchange exchange, MessageResponse response, ChatAnswer answer) {
    this.exchange = exchange;
    this.events = new EventStream(exchange.response());
    this.response = response;
    this.answer = answer;
  }

  void send(AnswerStreams streams) throws IOException {
    events.startHeartbeats(streams::close);
    // The number of cached tokens is known at the end.
    var usage =
        new JsonObject().with("input_tokens", streams.promptTokens()).with("output_tokens", 0);
    event("message_start", Map.of("message", response.message(List.of(), null, null, usage)));
    event("ping", Map.of());
    events.flush();
    Completion completion;
    try {
      completion = streams.read(List.of(this::accept), events::flush).getFirst();
    } catch (RuntimeException e) {
      ApiException shown = ExceptionMapper.toApiException(e, exchange.id());
      events.send("error", Json.text(ApiFormat.ANTHROPIC.error(shown, exchange.id())));
      events.end();
      return;
    }
    String rest = answer.finish(completion.result().finish());
    sendThinking(answer.reasoning());
    sendText(rest);
    List<ToolCall> calls = response.request().calls(answer.message());
    for (ToolCall call : calls) {
      sendCall(call);
    }
    endBlock();
    MessageResponse.Stop stop = response.stop(completion, !calls.isEmpty());
    event(
        "message_delta",
        new JsonObject()
            .with(
                "delta",
                new JsonObject()
                    .with("stop_reason", stop.reason())
                    .with("stop_sequence", stop.sequence()))
            .with("usage", MessageResponse.usage(completion, answer)));
    event("message_stop", Map.of());
    events.end();
  }

  private void event(String name, Map<String, ? extends @Nullable Object> fields)
      throws IOException {
    events.send(name, Json.text(new JsonObject().with("type", name).withAll(fields)));
  }

  private void accept(GeneratedToken token) throws IOException {
    String piece = answer.accept(token);
    sendThinking(answer.reasoning());
    sendText(piece);
  }

  private void sendThinking(String piece) throws IOException {
    if (!piece.isEmpty()) {
      begin(THINKING, MessageResponse.thinking(""));
      delta(new JsonObject().with("type", "thinking_delta").with("thinking", piece));
    }
  }

  private void sendText(String piece) throws IOException {
    if (!piece.isEmpty()) {
      begin(TEXT, MessageResponse.text(""));
      delta(new JsonObject().with("type", "text_delta").with("text", piece));
    }
  }

  /** Sends a call; its input is a single delta. */
  private void sendCall(ToolCall call) throws IOException {
    endBlock();
    begin("tool_use", MessageResponse.toolUse(call, Map.of()));
    String input = Json.text(call.arguments());
    delta(new JsonObject().with("type", "input_json_delta").with("partial_json", input));
  }

  /** Begins a block, unless one of its type is open. */
  private void begin(String type, JsonObject block) throws IOException {
    if (type.equals(open)) {
      return;
    }
    endBlock();
    open = type;
    event(
        "content_block_start", new JsonObject().with("index", index).with("content_block", block));
  }

  private void delta(JsonObject delta) throws IOException {
    event("content_block_delta", new JsonObject().with("index", index).with("delta", delta));
  }

  private void endBlock() throws IOException {
    if (open != null) {
      open = null;
      event("content_block_stop", Map.of("index", index++));
    }
  }
}
