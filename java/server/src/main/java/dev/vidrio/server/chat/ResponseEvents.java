package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.server.generation.AnswerStreams;
import dev.vidrio.server.generation.FinishReasons;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.EventStream;
import dev.vidrio.server.http.ExceptionMapper;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.template.call.ReadCall;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Streams a response as named events. */
final class ResponseEvents {
  private final Exchange exchange;
  private final EventStream events;
  private final ResponseObject response;
  private final ChatAnswer answer;
  private final ChatTools tools;
  private final List<JsonObject> items = new ArrayList<>();
  private final List<TokenLogProbability> logProbabilities = new ArrayList<>();
  private final Part reasoning = new Part(Ids.next("rs_"));
  private Part message = new Part(Ids.next("msg_"));
  private final List<OpenCall> calls = new ArrayList<>();
  private final Map<ReadCall, OpenCall> open = new HashMap<>();
  private int number;

  /** An item with a single part while its text is generated. */
  private static final class Part {
    final String item;
    final StringBuilder text = new StringBuilder();
    final List<TokenLogProbability> tokens = new ArrayList<>();
    boolean begun;
    boolean ended;

    Part(String item) {
      this.item = item;
    }
  }

  /** A call while its arguments are generated. */
  private static final class OpenCall {
    final ReadCall call;
    final String item = Ids.next("fc_");
    final String id;
    int sent;
    boolean ended;

    OpenCall(ReadCall call, String id) {
      this.call = call;
      this.id = id;
    }
  }

  ResponseEvents(Exchange exchange, ResponseObject response, ChatAnswer answer, ChatTools tools) {
    this.exchange = exchange;
    this.events = new EventStream(exchange.response());
    this.response = response;
    this.answer = answer;
    this.tools = tools;
  }

  void send(AnswerStreams streams) throws IOException {
    events.startHeartbeats(streams::close);
    event("response.created", Map.of("response", response.inProgress()));
    event("response.in_progress", Map.of("response", response.inProgress()));
    events.flush();
    Completion completion;
    try {
      completion = streams.read(List.of(this::accept), events::flush).getFirst();
    } catch (RuntimeException e) {
      ApiException shown = ExceptionMapper.toApiException(e, exchange.id());
      event(
          "error",
          new JsonObject()
              .with("code", shown.code())
              .with("message", shown.getMessage())
              .with("param", shown.param()));
      events.end();
      return;
    }
    boolean complete = FinishReasons.isComplete(completion);
    end(completion, complete);
    event(
        complete ? "response.completed" : "response.incomplete",
        Map.of("response", response.finished(completion, items, answer.reasoningTokens())));
    events.end();
  }

  /** Sends the remaining text and ends the items. */
  private void end(Completion completion, boolean complete) throws IOException {
    String rest = answer.finish(completion.result().finish());
    sendReasoning(answer.reasoning());
    sendText(rest);
    sendCalls();
    boolean called = !answer.message().toolCalls().isEmpty();
    boolean isEmpty = !message.begun && calls.isEmpty();
    if (isEmpty && !complete && answer.endsInReasoning()) {
      beginReasoning();
    }
    endReasoning(ResponseObject.status(complete || !isEmpty));
    boolean isMissing = isEmpty && complete && !reasoning.begun;
    if ((message.begun && !message.ended) || isMissing) {
      endMessage(ResponseObject.status(complete || called));
    }
    endCall();
    boolean isCut = !complete && !calls.isEmpty() && !calls.getLast().call.isComplete();
    if (isCut && !items.isEmpty() && "message".equals(items.getLast().get("type"))) {
      items.getLast().put("status", ResponseObject.status(false));
    }
  }

  /** Sends an event with its type and sequence number. */
  private void event(String name, Map<String, ? extends @Nullable Object> fields)
      throws IOException {
    events.send(
        name,
        Json.text(
            new JsonObject().with("type", name).with("sequence_number", number++).withAll(fields)));
  }

  /** Sends an event of the part of the current item. */
  private void partEvent(
      String name, Part part, String field, Object value, @Nullable Object logProbabilities)
      throws IOException {
    event(
        name,
        new JsonObject()
            .with("item_id", part.item)
            .with("output_index", items.size())
            .with("content_index", 0)
            .with(field, value)
            .withPresent("logprobs", logProbabilities));
  }

  private void accept(GeneratedToken token) throws IOException {
    var logProbability = token.logProbability();
    if (logProbability != null) {
      logProbabilities.add(logProbability);
    }
    String piece = answer.accept(token);
    sendReasoning(answer.reasoning());
    sendText(piece);
    sendCalls();
  }

  private void sendReasoning(String piece) throws IOException {
    if (piece.isEmpty() || message.begun || !calls.isEmpty()) {
      return;
    }
    beginReasoning();
    if (reasoning.text.isEmpty()) {
      partEvent(
          "response.content_part.added", reasoning, "part", ResponseObject.reasoningPart(""), null);
    }
    reasoning.text.append(piece);
    partEvent("response.reasoning_text.delta", reasoning, "delta", piece, null);
  }

  private void beginReasoning() throws IOException {
    if (!reasoning.begun) {
      reasoning.begun = true;
      item("added", ResponseObject.reasoning(reasoning.item, "in_progress", List.of()));
    }
  }

  private void endReasoning(String status) throws IOException {
    if (!reasoning.begun || reasoning.ended) {
      return;
    }
    reasoning.ended = true;
    String text = reasoning.text.toString();
    if (text.isEmpty()) {
      end(ResponseObject.reasoning(reasoning.item, status, List.of()));
      return;
    }
    JsonObject part = ResponseObject.reasoningPart(text);
    partEvent("response.reasoning_text.done", reasoning, "text", text, null);
    partEvent("response.content_part.done", reasoning, "part", part, null);
    end(ResponseObject.reasoning(reasoning.item, status, List.of(part)));
  }

  private void sendText(String piece) throws IOException {
    if (piece.isEmpty()) {
      return;
    }
    endCall();
    if (message.ended) {
      message = new Part(Ids.next("msg_"));
    }
    beginMessage();
    message.text.append(piece);
    List<TokenLogProbability> tokens = ResponseObject.contentTokens(answer, logProbabilities);
    message.tokens.addAll(tokens);
    partEvent(
        "response.output_text.delta", message, "delta", piece, response.logProbabilities(tokens));
  }

  private void beginMessage() throws IOException {
    endReasoning("completed");
    if (!message.begun) {
      message.begun = true;
      item("added", ResponseObject.message(message.item, "in_progress", List.of()));
      partEvent("response.content_part.added", message, "part", response.part("", List.of()), null);
    }
  }

  private void endMessage(String status) throws IOException {
    beginMessage();
    message.ended = true;
    String text = message.text.toString();
    JsonObject part = response.part(text, message.tokens);
    partEvent(
        "response.output_text.done",
        message,
        "text",
        text,
        response.logProbabilities(message.tokens));
    partEvent("response.content_part.done", message, "part", part, null);
    end(ResponseObject.message(message.item, status, List.of(part)));
  }

  private void end(JsonObject item) throws IOException {
    item("done", item);
    items.add(item);
  }

  private void item(String what, JsonObject item) throws IOException {
    event(
        "response.output_item." + what,
        new JsonObject().with("output_index", items.size()).with("item", item));
  }

  /** Sends the names of new calls, and the arguments that were added to calls. */
  private void sendCalls() throws IOException {
    for (ReadCall call : tools.kept(answer.calls())) {
      OpenCall known = open.get(call);
      if (known == null) {
        known = begin(call);
      }
      CharSequence arguments = call.arguments();
      if (arguments.length() > known.sent) {
        String delta = arguments.subSequence(known.sent, arguments.length()).toString();
        known.sent = arguments.length();
        callEvent("delta", known.item, Map.of("delta", delta));
      }
      if (call.isComplete()) {
        endCall();
      }
    }
  }

  private OpenCall begin(ReadCall call) throws IOException {
    endCall();
    endReasoning("completed");
    if (message.begun && !message.ended) {
      endMessage("completed");
    }
    OpenCall open = new OpenCall(call, ToolCalls.id(call, answer.needsShortIds()));
    calls.add(open);
    this.open.put(call, open);
    item("added", ResponseObject.call(open.item, call.name(), open.id, "", "in_progress"));
    return open;
  }

  /**
   * Ends the last call. It is incomplete if the answer was cut, or if it was malformed; then it is
   * not part of the response, as without streaming.
   */
  private void endCall() throws IOException {
    if (calls.isEmpty() || calls.getLast().ended) {
      return;
    }
    OpenCall open = calls.getLast();
    open.ended = true;
    ReadCall call = open.call;
    String arguments = call.arguments().toString();
    if (call.isComplete()) {
      callEvent("done", open.item, Map.of("name", call.name(), "arguments", arguments));
    }
    String status = ResponseObject.status(call.isComplete());
    JsonObject item = ResponseObject.call(open.item, call.name(), open.id, arguments, status);
    if (call.isComplete()) {
      end(item);
    } else {
      item("done", item);
    }
  }

  private void callEvent(String what, String id, Map<String, String> fields) throws IOException {
    event(
        "response.function_call_arguments." + what,
        new JsonObject().with("item_id", id).with("output_index", items.size()).withAll(fields));
  }
}
