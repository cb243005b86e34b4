package dev.vidrio.server.chat;

import dev.vidrio.engine.Completion;
import dev.vidrio.engine.TokenLogProbability;
import dev.vidrio.model.ChatAnswer;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.ToolCall;
import dev.vidrio.model.tokenizer.Tokenizer;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilities;
import dev.vidrio.server.generation.Reasons;
import dev.vidrio.server.generation.Streams;
import dev.vidrio.server.generation.TextAnswer;
import dev.vidrio.server.generation.Usage;
import dev.vidrio.server.http.Exchange;
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
  private final Tokenizer tokenizer;
  private final String id = Ids.next("resp_");
  private final long created = Ids.now();

  ResponseObject(ResponseRequest request, Tokenizer tokenizer) {
    this.request = request;
    this.tokenizer = tokenizer;
  }

  @Override
  public Map<String, @Nullable Object> toJson(List<Completion> completions) {
    Completion completion = completions.getFirst();
    return ended(completion, items(completion));
  }

  @Override
  public void send(Exchange exchange, Streams streams) throws IOException {
    ChatTools tools = request.chat().tools();
    var answer = new ChatAnswer(tokenizer, tools.areGiven());
    new ResponseEvents(exchange, this, answer, tools).send(streams);
  }

  /** The response while its answer is generated. */
  Map<String, @Nullable Object> begun() {
    return json("in_progress", null, List.of(), null);
  }

  /** The response with its items. */
  Map<String, @Nullable Object> ended(Completion completion, List<Map<String, Object>> items) {
    boolean whole = isWhole(completion);
    return json(
        whole ? "completed" : "incomplete",
        whole ? null : Map.of("reason", "max_output_tokens"),
        items,
        usage(Usage.of(List.of(completion), 1)));
  }

  static boolean isWhole(Completion completion) {
    return Reasons.finish(completion).equals("stop");
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
    json.put("output_tokens_details", Map.of("reasoning_tokens", 0));
    json.put("total_tokens", usage.prompt() + usage.completion());
    return json;
  }

  /** The items of an answer: its text, then its calls. */
  private List<Map<String, Object>> items(Completion completion) {
    ChatTools tools = request.chat().tools();
    ChatMessage answer = ChatAnswer.message(tokenizer, completion.result(), tools.areGiven());
    List<ToolCall> calls = tools.kept(answer.toolCalls());
    List<Map<String, Object>> items = new ArrayList<>();
    String text = answer.content();
    if (text != null) {
      items.add(message(Ids.next("msg_"), text, completion));
    }
    calls.forEach(
        call ->
            items.add(call(Ids.next("fc_"), call, ToolCalls.id(call), ToolCalls.arguments(call))));
    return items;
  }

  /** The text of an answer that has ended. */
  private Map<String, Object> message(String item, String text, Completion completion) {
    return message(item, "completed", List.of(part(text, completion.tokens())));
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
    return Objects.requireNonNull(LogProbabilities.ofChat(tokenizer, tokens).get("content"));
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
