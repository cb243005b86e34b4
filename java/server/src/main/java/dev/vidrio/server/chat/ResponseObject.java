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
import dev.vidrio.server.generation.Receipts;
import dev.vidrio.server.generation.Usage;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The response to a request of {@code /v1/responses}. */
final class ResponseObject implements ApiResponse {
  private final ChatRequest request;
  private final JsonObject echoed;
  private final Tokenizer tokenizer;
  private final Supplier<ChatAnswer> answers;
  private final String id = Ids.next("resp_");
  private final long created = Ids.now();

  /**
   * Creates the response to a request.
   *
   * @param echoed fields of the request that the response repeats
   * @param answers creates the parser of the answer
   */
  ResponseObject(
      ChatRequest request, JsonObject echoed, Tokenizer tokenizer, Supplier<ChatAnswer> answers) {
    this.request = request;
    this.echoed = echoed;
    this.tokenizer = tokenizer;
    this.answers = answers;
  }

  @Override
  public JsonObject toJson(List<Completion> completions) {
    Completion completion = completions.getFirst();
    ChatAnswer answer = answers.get();
    ChatMessage message = answer.read(completion.result());
    return finished(completion, items(completion, answer, message), answer.reasoningTokens());
  }

  @Override
  public void send(Exchange exchange, AnswerStreams streams) throws IOException {
    new ResponseEvents(exchange, this, answers.get(), request.tools()).send(streams);
  }

  /** Returns the response object before the answer is generated. */
  JsonObject inProgress() {
    return json("in_progress", null, List.of(), null);
  }

  /** Returns the response object with its items. */
  JsonObject finished(Completion completion, List<JsonObject> items, int reasoningTokens) {
    boolean complete = FinishReasons.isComplete(completion);
    boolean timedOut = completion.result().finish() == FinishReason.TIMEOUT;
    return json(
            status(complete),
            complete ? null : Map.of("reason", timedOut ? "timeout" : "max_output_tokens"),
            items,
            usage(Usage.of(List.of(completion), 1, reasoningTokens)))
        .withPresent("receipt", Receipts.tree(completion));
  }

  /** Returns the status of a response or item that is complete or was cut. */
  static String status(boolean complete) {
    return complete ? "completed" : "incomplete";
  }

  private JsonObject json(
      String status, @Nullable Object incomplete, List<JsonObject> items, @Nullable Object usage) {
    var sampling = request.parameters().template().options().sampling();
    return new JsonObject()
        .with("id", id)
        .with("object", "response")
        .with("created_at", created)
        .with("status", status)
        .with("error", null)
        .with("incomplete_details", incomplete)
        .with("model", request.model())
        .with("output", items)
        .with("parallel_tool_calls", request.tools().parallel())
        .with("previous_response_id", null)
        .with("store", false)
        .with("temperature", sampling.temperature())
        .with("top_p", sampling.topP())
        .withAll(echoed)
        .with("usage", usage);
  }

  private static JsonObject usage(Usage usage) {
    return new JsonObject()
        .with("input_tokens", usage.prompt())
        .with(
            "input_tokens_details",
            Map.of("cached_tokens", usage.cached(), "cache_write_tokens", 0))
        .with("output_tokens", usage.completion())
        .with("output_tokens_details", Map.of("reasoning_tokens", usage.reasoning()))
        .with("total_tokens", usage.prompt() + usage.completion());
  }

  /**
   * Returns the items of an answer: reasoning, message, calls. An answer that was cut before its
   * first text has only a reasoning item, if the model was reasoning.
   */
  private List<JsonObject> items(Completion completion, ChatAnswer answer, ChatMessage message) {
    boolean complete = FinishReasons.isComplete(completion);
    List<ToolCall> calls = request.tools().kept(message.toolCalls());
    String text = Objects.requireNonNullElse(message.content(), "");
    String reasoning = message.reasoning();
    boolean isEmpty = text.isEmpty() && calls.isEmpty();
    List<JsonObject> items = new ArrayList<>();
    if (reasoning != null) {
      List<JsonObject> parts = List.of(reasoningPart(reasoning));
      items.add(reasoning(Ids.next("rs_"), status(complete || !isEmpty), parts));
    } else if (isEmpty && !complete && answer.endsInReasoning()) {
      items.add(reasoning(Ids.next("rs_"), status(false), List.of()));
    }
    if (!text.isEmpty() || (isEmpty && complete && reasoning == null)) {
      JsonObject part = part(text, contentTokens(answer, completion.tokens()));
      items.add(message(Ids.next("msg_"), status(complete || !calls.isEmpty()), List.of(part)));
    }
    calls.forEach(
        call ->
            items.add(
                call(
                    Ids.next("fc_"),
                    call.name(),
                    ToolCalls.id(call, answer.needsShortIds()),
                    ToolCalls.arguments(call),
                    "completed")));
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
  static JsonObject reasoning(String item, String status, List<JsonObject> content) {
    return new JsonObject()
        .with("id", item)
        .with("type", "reasoning")
        .with("status", status)
        .with("summary", List.of())
        .with("content", content);
  }

  /** Returns the part of a reasoning item. */
  static JsonObject reasoningPart(String text) {
    return new JsonObject().with("type", "reasoning_text").with("text", text);
  }

  /** Returns a message item. */
  static JsonObject message(String item, String status, List<JsonObject> content) {
    return new JsonObject()
        .with("id", item)
        .with("type", "message")
        .with("status", status)
        .with("role", "assistant")
        .with("content", content);
  }

  /** Returns the part of a message item. */
  JsonObject part(String text, List<TokenLogProbability> logProbabilities) {
    return new JsonObject()
        .with("type", "output_text")
        .with("text", text)
        .with("annotations", List.of())
        .with("logprobs", logProbabilities(logProbabilities));
  }

  /** Returns the log-probabilities of a part. */
  Object logProbabilities(List<TokenLogProbability> tokens) {
    return Objects.requireNonNull(LogProbabilityJson.ofChat(tokenizer, tokens).get("content"));
  }

  /** Returns a call item. */
  static JsonObject call(String item, String name, String callId, String arguments, String status) {
    return new JsonObject()
        .with("id", item)
        .with("type", "function_call")
        .with("status", status)
        .with("call_id", callId)
        .with("name", name)
        .with("arguments", arguments);
  }
}
