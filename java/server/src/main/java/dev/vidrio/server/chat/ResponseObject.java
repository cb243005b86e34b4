package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.server.generation.AnswerStreams;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.FinishReasons;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilityJson;
import dev.vidrio.server.generation.Usage;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The response to a {@link ResponseRequest}. */
final class ResponseObject implements ApiResponse {
  private final ResponseRequest request;
  private final ServedModel model;
  private final int[] prompt;
  private final String id = Ids.next("resp_");
  private final long created = Ids.now();

  ResponseObject(ResponseRequest request, ServedModel model, int[] prompt) {
    this.request = request;
    this.model = model;
    this.prompt = prompt;
  }

  @Override
  public Map<String, @Nullable Object> toJson(List<Completion> completions) {
    Completion completion = completions.getFirst();
    ChatAnswer answer = newAnswer();
    ChatMessage message = answer.read(completion.result());
    return finished(completion, items(completion, answer, message), answer.reasoningTokens());
  }

  @Override
  public void send(Exchange exchange, AnswerStreams streams) throws IOException {
    new ResponseEvents(exchange, this, newAnswer(), request.chat().tools()).send(streams);
  }

  private ChatAnswer newAnswer() {
    return request.chat().tools().newAnswer(model.chat(), prompt);
  }

  /** Returns the response object before the answer is generated. */
  Map<String, @Nullable Object> inProgress() {
    return json("in_progress", null, List.of(), null);
  }

  /** Returns the response object with its items. */
  Map<String, @Nullable Object> finished(
      Completion completion, List<Map<String, Object>> items, int reasoningTokens) {
    boolean complete = FinishReasons.isComplete(completion);
    boolean timedOut = completion.result().finish() == FinishReason.TIMEOUT;
    return json(
        status(complete),
        complete ? null : Map.of("reason", timedOut ? "timeout" : "max_output_tokens"),
        items,
        usage(Usage.of(List.of(completion), 1, reasoningTokens)));
  }

  /** Returns the status of a response or item that is complete or was cut. */
  static String status(boolean complete) {
    return complete ? "completed" : "incomplete";
  }

  private Map<String, @Nullable Object> json(
      String status,
      @Nullable Object incomplete,
      List<Map<String, Object>> items,
      @Nullable Object usage) {
    var sampling = request.chat().parameters().options().sampling();
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("id", id);
    json.put("object", "response");
    json.put("created_at", created);
    json.put("status", status);
    json.put("error", null);
    json.put("incomplete_details", incomplete);
    json.put("model", request.chat().model());
    json.put("output", items);
    json.put("parallel_tool_calls", request.chat().tools().parallel());
    json.put("previous_response_id", null);
    json.put("store", false);
    json.put("temperature", sampling.temperature());
    json.put("top_p", sampling.topP());
    json.putAll(request.echoed());
    json.put("usage", usage);
    return json;
  }

  private static Map<String, Object> usage(Usage usage) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("input_tokens", usage.prompt());
    json.put(
        "input_tokens_details", Map.of("cached_tokens", usage.cached(), "cache_write_tokens", 0));
    json.put("output_tokens", usage.completion());
    json.put("output_tokens_details", Map.of("reasoning_tokens", usage.reasoning()));
    json.put("total_tokens", usage.prompt() + usage.completion());
    return json;
  }

  /**
   * Returns the items of an answer: reasoning, message, calls. An answer that was cut before its
   * first text has only a reasoning item, if the model was reasoning.
   */
  private List<Map<String, Object>> items(
      Completion completion, ChatAnswer answer, ChatMessage message) {
    boolean complete = FinishReasons.isComplete(completion);
    List<ToolCall> calls = request.chat().tools().kept(message.toolCalls());
    String text = Objects.requireNonNullElse(message.content(), "");
    String reasoning = message.reasoning();
    boolean isEmpty = text.isEmpty() && calls.isEmpty();
    List<Map<String, Object>> items = new ArrayList<>();
    if (reasoning != null) {
      List<Map<String, Object>> parts = List.of(reasoningPart(reasoning));
      items.add(reasoning(Ids.next("rs_"), status(complete || !isEmpty), parts));
    } else if (isEmpty && !complete && answer.endsInReasoning()) {
      items.add(reasoning(Ids.next("rs_"), status(false), List.of()));
    }
    if (!text.isEmpty() || (isEmpty && complete && reasoning == null)) {
      Map<String, Object> part = part(text, contentTokens(answer, completion.tokens()));
      items.add(message(Ids.next("msg_"), status(complete || !calls.isEmpty()), List.of(part)));
    }
    calls.forEach(
        call ->
            items.add(call(Ids.next("fc_"), call, ToolCalls.id(call), ToolCalls.arguments(call))));
    return items;
  }

  /** Returns the tokens of the content that was sent since the last call. */
  static List<TokenLogProbability> contentTokens(
      ChatAnswer answer, List<TokenLogProbability> tokens) {
    return answer.newContentTokens().stream()
        .filter(i -> i < tokens.size())
        .map(tokens::get)
        .toList();
  }

  /** Returns a reasoning item; its summary is always empty. */
  static Map<String, Object> reasoning(
      String item, String status, List<Map<String, Object>> content) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", item);
    json.put("type", "reasoning");
    json.put("status", status);
    json.put("summary", List.of());
    json.put("content", content);
    return json;
  }

  /** Returns the part of a reasoning item. */
  static Map<String, Object> reasoningPart(String text) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("type", "reasoning_text");
    json.put("text", text);
    return json;
  }

  /** Returns a message item. */
  static Map<String, Object> message(
      String item, String status, List<Map<String, Object>> content) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", item);
    json.put("type", "message");
    json.put("status", status);
    json.put("role", "assistant");
    json.put("content", content);
    return json;
  }

  /** Returns the part of a message item. */
  Map<String, Object> part(String text, List<TokenLogProbability> logProbabilities) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("type", "output_text");
    json.put("text", text);
    json.put("annotations", List.of());
    json.put("logprobs", logProbabilities(logProbabilities));
    return json;
  }

  /** Returns the log-probabilities of a part. */
  Object logProbabilities(List<TokenLogProbability> tokens) {
    return Objects.requireNonNull(
        LogProbabilityJson.ofChat(model.tokenizer(), tokens).get("content"));
  }

  /** Returns a call item; its arguments are empty while it is in progress. */
  static Map<String, Object> call(String item, ToolCall call, String callId, String arguments) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", item);
    json.put("type", "function_call");
    json.put("status", arguments.isEmpty() ? "in_progress" : "completed");
    json.put("call_id", callId);
    json.put("name", call.name());
    json.put("arguments", arguments);
    return json;
  }
}
