package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.StreamUsage;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads requests of {@code /v1/responses}: chats in another format. The server is stateless, so
 * that each request contains the whole conversation; only that part of OpenAI's API is supported.
 */
public final class ResponseRequest {
  private static final Map<String, Object> TEXT = Map.of("format", Map.of("type", "text"));
  private static final String LOG_PROBABILITIES = "message.output_text.logprobs";

  private ResponseRequest() {}

  /** Reads a request. */
  public static ChatRequest read(JsonFields fields, RequestLimits limits, String tenant) {
    String stateless =
        "not supported; the server is stateless: send the whole conversation as input";
    fields.reject("previous_response_id", stateless);
    fields.reject("conversation", stateless);
    fields.reject("n", "not supported; a response has one answer");
    fields.reject("stop", "not supported in responses");
    String truncation = fields.oneOf("truncation", "disabled", "disabled");
    fields.requireValue("background", false);
    ChatTools tools = ChatTools.read(fields, true);
    boolean stream = fields.bool("stream", false);
    var request =
        new ChatRequest(
            fields.required("model").string(),
            ResponseInput.read(fields),
            null,
            tools,
            GenerationParameters.read(
                fields,
                fields.integer("max_output_tokens", limits.tokens(), 1, limits.tokens()),
                limits,
                tenant),
            AnswerFormat.single(AnswerFormat.read(fields), format(fields)),
            logProbabilities(fields),
            effort(fields),
            ChatRequest.variables(fields),
            stream,
            StreamUsage.read(fields, stream),
            "input",
            responder(echoed(fields, truncation)));
    fields.end();
    return request;
  }

  private static ChatRequest.Responder responder(JsonObject echoed) {
    return (request, served, answers) ->
        new ResponseObject(request, echoed, served.tokenizer(), answers);
  }

  /** Returns the validated fields that the response repeats. */
  private static JsonObject echoed(JsonFields fields, String truncation) {
    return new JsonObject()
        .with("instructions", fields.string("instructions"))
        .with("metadata", tree(fields, "metadata", Map.of()))
        .with("tools", tree(fields, "tools", List.of()))
        .with("tool_choice", tree(fields, "tool_choice", "auto"))
        .with("reasoning", tree(fields, "reasoning", null))
        .with("text", tree(fields, "text", TEXT))
        .with("max_output_tokens", tree(fields, "max_output_tokens", null))
        .with("truncation", truncation);
  }

  private static @Nullable Object tree(JsonFields fields, String name, @Nullable Object absent) {
    JsonValue value = fields.value(name);
    return value == null ? absent : value.tree();
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
