package dev.vidrio.server.chat;

import dev.vidrio.engine.Completion;
import dev.vidrio.engine.GeneratedToken;
import dev.vidrio.engine.TokenLogProbability;
import dev.vidrio.model.ChatAnswer;
import dev.vidrio.model.template.ToolCall;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.Streams;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.EventStream;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Failures;
import dev.vidrio.server.http.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A response as a stream of named events. */
final class ResponseEvents {
  private final Exchange exchange;
  private final EventStream events;
  private final ResponseObject response;
  private final ChatAnswer answer;
  private final ChatTools tools;
  private final List<Map<String, Object>> items = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();
  private final String message = Ids.next("msg_");
  private boolean begun;
  private int number;

  ResponseEvents(Exchange exchange, ResponseObject response, ChatAnswer answer, ChatTools tools) {
    this.exchange = exchange;
    this.events = new EventStream(exchange.reply());
    this.response = response;
    this.answer = answer;
    this.tools = tools;
  }

  void send(Streams streams) throws IOException {
    events.whileWaiting(streams::close);
    event("response.created", Map.of("response", response.begun()));
    event("response.in_progress", Map.of("response", response.begun()));
    events.flush();
    Completion completion;
    try {
      completion = streams.read((i, token) -> accept(token), events::flush).getFirst();
    } catch (RuntimeException e) {
      ApiException shown = Failures.explain(e, exchange.id());
      Map<String, @Nullable Object> error = new LinkedHashMap<>();
      error.put("code", shown.code());
      error.put("message", shown.getMessage());
      error.put("param", shown.param());
      event("error", error);
      events.end();
      return;
    }
    show(answer.finish(), List.of());
    List<ToolCall> calls = tools.kept(answer.message().toolCalls());
    if (begun || calls.isEmpty()) {
      endMessage(completion);
    }
    for (ToolCall call : calls) {
      call(call);
    }
    event(
        ResponseObject.isWhole(completion) ? "response.completed" : "response.incomplete",
        Map.of("response", response.ended(completion, items)));
    events.end();
  }

  /** Sends an event with its name and number. */
  private void event(String name, Map<String, ? extends @Nullable Object> fields)
      throws IOException {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("type", name);
    json.put("sequence_number", number++);
    json.putAll(fields);
    events.send(name, Json.bytes(json));
  }

  /** Sends an event of the message's only part. */
  private void partEvent(String name, String field, Object value, @Nullable Object logProbabilities)
      throws IOException {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("item_id", message);
    json.put("output_index", 0);
    json.put("content_index", 0);
    json.put(field, value);
    if (logProbabilities != null) {
      json.put("logprobs", logProbabilities);
    }
    event(name, json);
  }

  private void accept(GeneratedToken token) throws IOException {
    var logProbability = token.logProbability();
    show(
        answer.accept(token.id(), token.text()),
        logProbability == null ? List.of() : List.of(logProbability));
  }

  private void show(String piece, List<TokenLogProbability> logProbabilities) throws IOException {
    if (piece.isEmpty() && logProbabilities.isEmpty()) {
      return;
    }
    beginMessage();
    text.append(piece);
    partEvent(
        "response.output_text.delta", "delta", piece, response.logProbabilities(logProbabilities));
  }

  private void beginMessage() throws IOException {
    if (!begun) {
      begun = true;
      item("added", 0, ResponseObject.message(message, "in_progress", List.of()));
      partEvent("response.content_part.added", "part", response.part("", List.of()), null);
    }
  }

  private void endMessage(Completion completion) throws IOException {
    beginMessage();
    Map<String, Object> part = response.part(text.toString(), completion.tokens());
    partEvent(
        "response.output_text.done",
        "text",
        text.toString(),
        response.logProbabilities(completion.tokens()));
    partEvent("response.content_part.done", "part", part, null);
    Map<String, Object> item = ResponseObject.message(message, "completed", List.of(part));
    item("done", 0, item);
    items.add(item);
  }

  private void item(String what, int index, Map<String, Object> item) throws IOException {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("output_index", index);
    json.put("item", item);
    event("response.output_item." + what, json);
  }

  private void call(ToolCall call) throws IOException {
    int index = items.size();
    String id = Ids.next("fc_");
    String callId = ToolCalls.id(call);
    String arguments = ToolCalls.arguments(call);
    item("added", index, ResponseObject.call(id, call, callId, ""));
    callEvent("delta", id, index, Map.of("delta", arguments));
    callEvent("done", id, index, Map.of("name", call.name(), "arguments", arguments));
    Map<String, Object> item = ResponseObject.call(id, call, callId, arguments);
    item("done", index, item);
    items.add(item);
  }

  private void callEvent(String what, String id, int index, Map<String, String> fields)
      throws IOException {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("item_id", id);
    json.put("output_index", index);
    json.putAll(fields);
    event("response.function_call_arguments." + what, json);
  }
}
