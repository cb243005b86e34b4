package dev.vidrio.server.ollama;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.server.chat.ChatRequest;
import dev.vidrio.server.generation.AnswerStreams;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.FinishReasons;
import dev.vidrio.server.generation.LogProbabilityJson;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.ApiFormat;
import dev.vidrio.server.http.ExceptionMapper;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.LineStream;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The response to a request of {@code /api/chat} or {@code /api/generate}. */
final class OllamaResponse implements ApiResponse {
  private final OllamaRequest request;
  private final boolean logProbabilities;
  private final boolean isMessage;
  private final @Nullable ChatRequest chat;
  private final Tokenizer tokenizer;
  private final @Nullable ChatAnswer answer;

  /**
   * Creates a response.
   *
   * @param isMessage true if the answer is a message, false if it is a text
   * @param chat the chat; null if the prompt is continued as it is
   * @param answer parses the answer to the chat
   */
  private OllamaResponse(
      OllamaRequest request,
      boolean logProbabilities,
      boolean isMessage,
      @Nullable ChatRequest chat,
      Tokenizer tokenizer,
      @Nullable ChatAnswer answer) {
    this.request = request;
    this.logProbabilities = logProbabilities;
    this.isMessage = isMessage;
    this.chat = chat;
    this.tokenizer = tokenizer;
    this.answer = answer;
  }

  static OllamaResponse ofChat(
      OllamaRequest request,
      boolean logProbabilities,
      boolean isMessage,
      ChatRequest chat,
      Tokenizer tokenizer,
      ChatAnswer answer) {
    return new OllamaResponse(request, logProbabilities, isMessage, chat, tokenizer, answer);
  }

  static OllamaResponse ofText(
      OllamaRequest request, boolean logProbabilities, Tokenizer tokenizer) {
    return new OllamaResponse(request, logProbabilities, false, null, tokenizer, null);
  }

  @Override
  public JsonObject toJson(List<Completion> completions) {
    Completion completion = completions.getFirst();
    String content = completion.text();
    String reasoning = "";
    List<ToolCall> calls = List.of();
    if (answer != null) {
      ChatMessage message = answer.read(completion.result());
      content = Objects.requireNonNullElse(message.content(), "");
      reasoning = Objects.requireNonNullElse(message.reasoning(), "");
      calls = calls(message);
    }
    return part(content, reasoning, calls, completion.tokens()).withAll(end(completion));
  }

  @Override
  public void send(Exchange exchange, AnswerStreams streams) throws IOException {
    var lines = new LineStream(exchange.response());
    lines.startHeartbeats(streams::close);
    lines.flush();
    Completion completion;
    try {
      completion = streams.read(List.of(token -> accept(lines, token)), lines::flush).getFirst();
    } catch (RuntimeException e) {
      ApiException shown = ExceptionMapper.toApiException(e, exchange.id());
      lines.send(Json.text(ApiFormat.OLLAMA.error(shown, exchange.id())));
      lines.end();
      return;
    }
    if (answer != null) {
      String rest = answer.finish(completion.result().finish());
      sendPart(lines, rest, answer.reasoning(), calls(answer.message()), List.of());
    }
    lines.send(Json.text(part("", "", List.of(), List.of()).withAll(end(completion))));
    lines.end();
  }

  private void accept(LineStream lines, GeneratedToken token) throws IOException {
    TokenLogProbability logged = token.logProbability();
    List<TokenLogProbability> tokens = logged == null ? List.of() : List.of(logged);
    if (answer == null) {
      sendPart(lines, token.text(), "", List.of(), tokens);
      return;
    }
    String content = answer.accept(token);
    sendPart(lines, content, answer.reasoning(), List.of(), tokens);
  }

  /** Sends a part of the answer, unless it is empty. */
  private void sendPart(
      LineStream lines,
      String content,
      String reasoning,
      List<ToolCall> calls,
      List<TokenLogProbability> tokens)
      throws IOException {
    if (!content.isEmpty() || !reasoning.isEmpty() || !calls.isEmpty() || !tokens.isEmpty()) {
      lines.send(Json.text(part(content, reasoning, calls, tokens).with("done", false)));
    }
  }

  private List<ToolCall> calls(ChatMessage message) {
    return chat == null ? List.of() : chat.calls(message);
  }

  private JsonObject part(
      String content, String reasoning, List<ToolCall> calls, List<TokenLogProbability> tokens) {
    var json =
        new JsonObject().with("model", request.name()).with("created_at", Instant.now().toString());
    JsonObject text = isMessage ? new JsonObject().with("role", "assistant") : json;
    text.with(isMessage ? "content" : "response", content)
        .withPresent("thinking", reasoning.isEmpty() ? null : reasoning)
        .withPresent("tool_calls", calls.isEmpty() ? null : callsJson(calls));
    if (isMessage) {
      json.put("message", text);
    }
    if (logProbabilities && !tokens.isEmpty()) {
      json.put("logprobs", LogProbabilityJson.ofChat(tokenizer, tokens).get("content"));
    }
    return json;
  }

  private static List<JsonObject> callsJson(List<ToolCall> calls) {
    List<JsonObject> json = new ArrayList<>();
    for (ToolCall call : calls) {
      var function =
          new JsonObject()
              .with("index", json.size())
              .with("name", call.name())
              .with("arguments", call.arguments());
      json.add(new JsonObject().withPresent("id", call.id()).with("function", function));
    }
    return json;
  }

  /** Returns the fields of the last part. Durations are in nanoseconds. */
  private JsonObject end(Completion completion) {
    return new JsonObject()
        .with("done", true)
        .with("done_reason", FinishReasons.finish(completion))
        .with("total_duration", request.load().plus(completion.total()).toNanos())
        .with("load_duration", request.load().toNanos())
        .with("prompt_eval_count", completion.result().promptTokens())
        .with("prompt_eval_duration", completion.firstToken().minus(completion.queued()).toNanos())
        .with("eval_count", completion.result().tokens().size())
        .with("eval_duration", completion.total().minus(completion.firstToken()).toNanos());
  }
}
