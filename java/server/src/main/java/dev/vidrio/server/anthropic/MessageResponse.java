package dev.vidrio.server.anthropic;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.server.chat.ChatRequest;
import dev.vidrio.server.generation.AnswerStreams;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.StopStrings;
import dev.vidrio.server.generation.Usage;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The response to a request of {@code /v1/messages}.
 *
 * @param request the request
 * @param tokenizer the tokenizer of the model
 * @param answers creates the parser of the answer
 */
record MessageResponse(ChatRequest request, Tokenizer tokenizer, Supplier<ChatAnswer> answers)
    implements ApiResponse {

  /** Creates a response, as a {@link ChatRequest.Responder}. */
  static MessageResponse of(ChatRequest request, ServedModel served, Supplier<ChatAnswer> answers) {
    return new MessageResponse(request, served.tokenizer(), answers);
  }

  private static final int ID_DIGITS = 24;

  /** The length of a call's id. Some chat templates require nine letters and digits. */
  private static final int CALL_ID = 9;

  /** Why an answer ended: a reason of Anthropic's API, and the stop string, if one was found. */
  record Stop(String reason, @Nullable String sequence) {}

  @Override
  public void send(Exchange exchange, AnswerStreams streams) throws IOException {
    new MessageEvents(exchange, this, answers.get()).send(streams);
  }

  @Override
  public JsonObject toJson(List<Completion> completions) {
    Completion completion = completions.getFirst();
    ChatAnswer answer = answers.get();
    ChatMessage message = answer.read(completion.result());
    List<JsonObject> blocks = new ArrayList<>();
    String reasoning = message.reasoning();
    if (reasoning != null) {
      blocks.add(thinking(reasoning));
    }
    String content = message.content();
    if (content != null && !content.isEmpty()) {
      blocks.add(text(content));
    }
    List<ToolCall> calls = request.calls(message);
    calls.forEach(call -> blocks.add(toolUse(call, call.arguments())));
    Stop stop = stop(completion, !calls.isEmpty());
    return message(blocks, stop.reason, stop.sequence, usage(completion, answer));
  }

  /** Returns the message object. */
  JsonObject message(
      List<JsonObject> content,
      @Nullable String reason,
      @Nullable String sequence,
      JsonObject usage) {
    return new JsonObject()
        .with("id", Ids.next("msg_").substring(0, "msg_".length() + ID_DIGITS))
        .with("type", "message")
        .with("role", "assistant")
        .with("model", request.model())
        .with("content", content)
        .with("stop_reason", reason)
        .with("stop_sequence", sequence)
        .with("usage", usage);
  }

  /** Returns why an answer ended. */
  Stop stop(Completion completion, boolean calls) {
    return switch (completion.result().finish()) {
      case STOP -> {
        List<String> stops = request.parameters().template().options().stop();
        Optional<String> found = StopStrings.found(tokenizer, stops, completion.result());
        yield calls
            ? new Stop("tool_use", null)
            : found
                .map(stop -> new Stop("stop_sequence", stop))
                .orElseGet(() -> new Stop("end_turn", null));
      }
      case CONTEXT -> new Stop("model_context_window_exceeded", null);
      case LENGTH, TIMEOUT, CANCELED -> new Stop("max_tokens", null);
    };
  }

  /**
   * Returns the usage: the tokens of the prompt that were not in the cache, and those that were.
   */
  static JsonObject usage(Completion completion, ChatAnswer answer) {
    Usage usage = Usage.of(List.of(completion), 1, answer.reasoningTokens());
    return new JsonObject()
        .with("input_tokens", usage.prompt() - usage.cached())
        .with("cache_creation_input_tokens", 0)
        .with("cache_read_input_tokens", usage.cached())
        .with("output_tokens", usage.completion())
        .with("output_tokens_details", Map.of("thinking_tokens", usage.reasoning()));
  }

  static JsonObject text(String text) {
    return new JsonObject().with("type", "text").with("text", text);
  }

  /** Returns a block of reasoning. Its signature is empty: nothing is encrypted. */
  static JsonObject thinking(String text) {
    return new JsonObject().with("type", "thinking").with("thinking", text).with("signature", "");
  }

  static JsonObject toolUse(ToolCall call, Map<String, @Nullable Object> input) {
    String id = call.id();
    return new JsonObject()
        .with("type", "tool_use")
        .with("id", id == null ? Ids.next("").substring(0, CALL_ID) : id)
        .with("name", call.name())
        .with("input", input);
  }
}
