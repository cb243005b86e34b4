package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.generation.ApiRequest;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.ChunkEvents;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/responses}: a chat in another format. The server is stateless, so that
 * each request contains the whole conversation.
 *
 * @param chat the request as a chat
 * @param echoed fields that the response repeats
 */
record ResponseRequest(ChatRequest chat, Map<String, @Nullable Object> echoed)
    implements ApiRequest {
  private static final Map<String, Object> TEXT = Map.of("format", Map.of("type", "text"));
  private static final String LOG_PROBABILITIES = "message.output_text.logprobs";

  static ResponseRequest read(JsonFields fields, RequestLimits limits, String tenant) {
    String stateless =
        "not supported; the server is stateless: send the whole conversation as input";
    fields.reject("previous_response_id", stateless);
    fields.reject("conversation", stateless);
    fields.reject("n", "not supported; a response has one answer");
    fields.reject("stop", "not supported in responses");
    String truncation = fields.oneOf("truncation", "disabled", "disabled");
    if (fields.bool("background", false)) {
      throw ApiException.unsupported("background", "not supported; must be false");
    }
    ChatTools tools = ChatTools.read(fields, true);
    boolean stream = fields.bool("stream", false);
    var chat =
        new ChatRequest(
            fields.required("model").string(),
            ResponseInput.read(fields),
            tools,
            ChatRequest.withFormat(
                GenerationParameters.read(
                    fields,
                    fields.integer("max_output_tokens", limits.tokens(), 1, limits.tokens()),
                    limits,
                    tenant),
                format(fields),
                tools),
            logProbabilities(fields),
            effort(fields),
            ChatRequest.variables(fields),
            stream,
            ChunkEvents.includesUsage(fields, stream));
    var request = new ResponseRequest(chat, echoed(fields, truncation));
    fields.end();
    return request;
  }

  /** Returns the validated fields that the response repeats. */
  private static Map<String, @Nullable Object> echoed(JsonFields fields, String truncation) {
    JsonValue metadata = fields.value("metadata");
    JsonValue tools = fields.value("tools");
    JsonValue choice = fields.value("tool_choice");
    JsonValue text = fields.value("text");
    JsonValue tokens = fields.value("max_output_tokens");
    JsonValue reasoning = fields.value("reasoning");
    Map<String, @Nullable Object> echoed = new LinkedHashMap<>();
    echoed.put("instructions", fields.string("instructions"));
    echoed.put("metadata", metadata == null ? Map.of() : metadata.tree(Map.class));
    echoed.put("tools", tools == null ? List.of() : tools.tree(List.class));
    echoed.put("tool_choice", choice == null ? "auto" : choice.tree(Object.class));
    echoed.put("reasoning", reasoning == null ? null : reasoning.tree(Map.class));
    echoed.put("text", text == null ? TEXT : text.tree(Map.class));
    echoed.put("max_output_tokens", tokens == null ? null : tokens.tree(Integer.class));
    echoed.put("truncation", truncation);
    return echoed;
  }

  @Override
  public String model() {
    return chat.model();
  }

  @Override
  public GenerationParameters parameters() {
    return chat.parameters();
  }

  @Override
  public boolean stream() {
    return chat.stream();
  }

  @Override
  public String promptField() {
    return "input";
  }

  @Override
  public List<int[]> encode(ServedModel model) {
    return List.of(chat.encode(model.chat(), promptField()));
  }

  @Override
  public @Nullable Grammar grammar(ServedModel model, int[] prompt, @Nullable Grammar format) {
    return chat.grammar(model, prompt, format);
  }

  @Override
  public GenerationRequest.Builder configure(GenerationRequest.Builder request) {
    return chat.configure(request);
  }

  @Override
  public ApiResponse respond(ServedModel model, List<int[]> prompts) {
    return new ResponseObject(this, model, prompts.getFirst());
  }

  private static @Nullable JsonValue effort(JsonFields fields) {
    JsonValue effort = fields.value("reasoning_effort");
    JsonValue value = fields.value("reasoning");
    if (value != null) {
      JsonFields reasoning = value.fields();
      JsonValue within = reasoning.value("effort");
      effort = within == null ? effort : within;
      reasoning.end();
    }
    return effort;
  }

  private static @Nullable AnswerFormat format(JsonFields fields) {
    JsonValue value = fields.value("text");
    if (value == null) {
      return null;
    }
    JsonFields text = value.fields();
    var _ = text.oneOf("verbosity", "medium", "medium");
    AnswerFormat format = AnswerFormat.of(text.value("format"), true);
    text.end();
    return format;
  }

  private static int logProbabilities(JsonFields fields) {
    int top = fields.integer("top_logprobs", 0, 0, GenerationRequest.MAX_TOP);
    boolean wanted = top > 0;
    JsonValue include = fields.value("include");
    for (JsonValue element : include == null ? List.<JsonValue>of() : include.elements(0, 16)) {
      switch (element.string()) {
        case LOG_PROBABILITIES -> wanted = true;
        // Reasoning is never encrypted.
        case "reasoning.encrypted_content" -> {}
        default ->
            throw ApiException.unsupported(
                element.path(), "'" + element.string() + "'", "not supported");
      }
    }
    return wanted ? top : -1;
  }
}
