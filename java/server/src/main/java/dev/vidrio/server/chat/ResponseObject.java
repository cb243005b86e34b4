package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.TokenLogProbability;
import dev.vidrio.model.ChatAnswer;
import dev.vidrio.model.Generator.Finish;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilities;
import dev.vidrio.server.generation.Reasons;
import dev.vidrio.server.generation.Streams;
import dev.vidrio.server.generation.TextAnswer;
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

/** A response as JSON, from its beginning to its end. */
final class ResponseObject implements TextAnswer {
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
    return ended(completion, items(completion, answer, message), answer.reasoningTokens());
  }

  @Override
  public void send(Exchange exchange, Streams streams) throws IOException {
    new ResponseEvents(exchange, this, newAnswer(), request.chat().tools()).send(streams);
  }

  private ChatAnswer newAnswer() {
    return request.chat().tools().newAnswer(model.chat(), prompt);
  }

  /** The response while its answer is generated. */
  Map<String, @Nullable Object> begun() {
    return json("in_progress", null, List.of(), null);
  }

  /** The response with its items. */
  Map<String, @Nullable Object> ended(
      Completion completion, List<Map<String, Object>> items, int reasoningTokens) {
    boolean whole = Reasons.isWhole(completion);
    boolean late = completion.result().finish() == Finish.TIMEOUT;
    return json(
        status(whole),
        whole ? null : Map.of("reason", late ? "timeout" : "max_output_tokens"),
        items,
        usage(Usage.of(List.of(completion), 1, reasoningTokens)));
  }

  /** The status of what the model itself has ended, or has not. */
  static String status(boolean whole) {
    return whole ? "completed" : "incomplete";
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
   * The items of an answer: its reasoning, its text, then its calls. What was cut before its first
   * word is an item only if it is reasoning.
   */
  private List<Map<String, Object>> items(
      Completion completion, ChatAnswer answer, ChatMessage message) {
    boolean whole = Reasons.isWhole(completion);
    List<ToolCall> calls = request.chat().tools().kept(message.toolCalls());
    String text = Objects.requireNonNullElse(message.content(), "");
    String thoughts = message.reasoning();
    boolean silent = text.isEmpty() && calls.isEmpty();
    List<Map<String, Object>> items = new ArrayList<>();
    if (thoughts != null) {
      List<Map<String, Object>> parts = List.of(reasoningPart(thoughts));
      items.add(reasoning(Ids.next("rs_"), status(whole || !silent), parts));
    } else if (silent && !whole && answer.endsInThought()) {
      items.add(reasoning(Ids.next("rs_"), status(false), List.of()));
    }
    if (!text.isEmpty() || (silent && whole && thoughts == null)) {
      Map<String, Object> part = part(text, content(answer, completion.tokens()));
      items.add(message(Ids.next("msg_"), status(whole || !calls.isEmpty()), List.of(part)));
    }
    calls.forEach(
        call ->
            items.add(call(Ids.next("fc_"), call, ToolCalls.id(call), ToolCalls.arguments(call))));
    return items;
  }

  /** Those of the tokens that what an answer has shown since this was asked last is made of. */
  static List<TokenLogProbability> content(ChatAnswer answer, List<TokenLogProbability> tokens) {
    return answer.newContentTokens().stream()
        .filter(i -> i < tokens.size())
        .map(tokens::get)
        .toList();
  }

  /** What the model has thought; nobody sums it up. */
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

  static Map<String, Object> reasoningPart(String text) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("type", "reasoning_text");
    json.put("text", text);
    return json;
  }

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

  Map<String, Object> part(String text, List<TokenLogProbability> logProbabilities) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("type", "output_text");
    json.put("text", text);
    json.put("annotations", List.of());
    json.put("logprobs", logProbabilities(logProbabilities));
    return json;
  }

  Object logProbabilities(List<TokenLogProbability> tokens) {
    return Objects.requireNonNull(
        LogProbabilities.ofChat(model.tokenizer(), tokens).get("content"));
  }

  /** A call of a tool. */
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
