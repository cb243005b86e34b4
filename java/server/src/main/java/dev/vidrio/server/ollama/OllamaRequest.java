package dev.vidrio.server.ollama;

import dev.vidrio.server.chat.ChatRequest;
import dev.vidrio.server.completion.CompletionRequest;
import dev.vidrio.server.generation.ApiRequest;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.Translation;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * Translates requests of {@code /api/chat} and {@code /api/generate} to those of {@code
 * /v1/chat/completions} and {@code /v1/completions}.
 *
 * @param fields the fields of the body
 * @param name the name of the model in the request
 * @param model the name of the served model
 * @param positions the context length of its engine
 * @param isChat true if the model has a chat template
 * @param load how long the request waited for the model to load
 */
public record OllamaRequest(
    JsonFields fields, String name, String model, int positions, boolean isChat, Duration load) {
  /** A number of seconds, or numbers with units, as Go reads durations. */
  private static final Pattern DURATION =
      Pattern.compile("-?(\\d+(\\.\\d*)?|(\\d+(\\.\\d*)?(ns|us|µs|ms|s|m|h))+)");

  private static final String MODEL_FILES =
      "not supported; the chat template is that of the model's file";

  /** Reads a request of {@code /api/chat}. */
  public ApiRequest chat(RequestLimits limits, String tenant) {
    var chat = new Translation();
    chat.with("messages", "messages", OllamaMessages.read(fields.required("messages")));
    chat.withSame(fields, "tools");
    return readChat(chat, limits, tenant, "messages", true);
  }

  /** Reads a request of {@code /api/generate}. */
  public ApiRequest generate(RequestLimits limits, String tenant) {
    fields.reject("template", MODEL_FILES);
    fields.reject("context", "not supported; send the conversation to /api/chat");
    rejectImages(fields);
    JsonValue suffix = fields.value("suffix");
    if (suffix != null && !suffix.string().isEmpty()) {
      throw ApiException.unsupported(suffix.path(), "fill-in-the-middle is not supported");
    }
    return fields.bool("raw", false) || !isChat ? complete(limits, tenant) : ask(limits, tenant);
  }

  /** Reads a request with the prompt as the user's message in a chat. */
  private ApiRequest ask(RequestLimits limits, String tenant) {
    var chat = new Translation();
    List<Object> messages = new ArrayList<>();
    String system = fields.string("system", "");
    if (!system.isEmpty()) {
      messages.add(Map.of("role", "system", "content", system));
    }
    messages.add(Map.of("role", "user", "content", fields.required("prompt").string()));
    chat.with("messages", "prompt", messages);
    return readChat(chat, limits, tenant, "prompt", false);
  }

  /**
   * Reads the fields that follow the messages of a chat.
   *
   * @param messages the field that the messages come from
   * @param isMessage true if the answer is a message, false if it is a text
   */
  private ApiRequest readChat(
      Translation chat, RequestLimits limits, String tenant, String messages, boolean isMessage) {
    boolean logs = readCommon(chat, limits);
    chat.withSame(fields, "logprobs", "top_logprobs");
    fields.end();
    return ChatRequest.read(
        chat.fields(),
        limits,
        tenant,
        messages,
        (request, served, answers) ->
            OllamaResponse.ofChat(
                this, logs, isMessage, request, served.tokenizer(), answers.get()));
  }

  /** Reads a request to continue the prompt as it is. */
  private ApiRequest complete(RequestLimits limits, String tenant) {
    if (!fields.string("system", "").isEmpty()) {
      throw ApiException.unsupported("system", "not supported in a prompt without chat template");
    }
    fields.requireValue("think", false);
    var completion = new Translation();
    completion.withSame(fields, "prompt");
    boolean logs = readCommon(completion, limits);
    int top = fields.integer("top_logprobs", 0, 0, 20);
    if (logs) {
      completion.with("logprobs", "top_logprobs", top);
    }
    fields.end();
    return CompletionRequest.read(
        completion.fields(),
        limits,
        tenant,
        (_, served, _) -> OllamaResponse.ofText(this, logs, served.tokenizer()));
  }

  /** Reads the fields that all requests have, and returns whether log-probabilities are wanted. */
  private boolean readCommon(Translation request, RequestLimits limits) {
    request
        .with("model", "model", model)
        .with("stream", "stream", fields.bool("stream", true))
        .with("reasoning_effort", effort(fields.value("think")));
    keepAlive(fields);
    // Messages and prompts are never cut.
    fields.requireValue("truncate", false);
    fields.requireValue("shift", false);
    format(request);
    OllamaOptions.read(request, fields.value("options"), positions, limits.tokens());
    return fields.bool("logprobs", false);
  }

  private static @Nullable JsonValue effort(@Nullable JsonValue think) {
    if (think == null || think.isString()) {
      return think;
    }
    String level = think.bool() ? "medium" : "none";
    return new JsonValue(think.path(), JsonNodeFactory.instance.stringNode(level));
  }

  private void format(Translation request) {
    JsonValue format = fields.value("format");
    if (format == null || (format.isString() && format.string().isEmpty())) {
      return;
    }
    if (!format.isString()) {
      var _ = format.fields();
      request.with("json_schema", format);
    } else if (format.string().equals("json")) {
      request.with("response_format", format.path(), new JsonObject().with("type", "json_object"));
    } else {
      throw format.error("must be json or a JSON schema");
    }
  }

  /** Reads {@code keep_alive}, which has no effect: the server has one setting for all models. */
  static void keepAlive(JsonFields fields) {
    JsonValue value = fields.value("keep_alive");
    if (value != null && !value.node().isNumber()) {
      String text = value.string();
      if (!DURATION.matcher(text).matches()) {
        throw value.error("must be a number of seconds or a duration such as 5m");
      }
    }
  }

  /** Validates a request without a prompt, which must not unload the model. */
  void requireLoad() {
    keepAlive(fields);
    JsonValue value = fields.value("keep_alive");
    if (value != null && value.node().asString().matches("0(\\.0*)?[a-z]*")) {
      throw ApiException.unsupported(
          value.path(),
          value.node().toString(),
          "not supported; models are unloaded after the server's --keep-alive");
    }
    fields.requireEmpty("tools");
    var _ = fields.value("options");
    var _ = fields.bool("stream", true);
    fields.end();
  }

  /** Rejects images. */
  static void rejectImages(JsonFields fields) {
    JsonValue images = fields.value("images");
    if (images != null && !images.elements(0, Integer.MAX_VALUE).isEmpty()) {
      throw ApiException.unsupported(images.path(), "not supported; only text input is");
    }
  }
}
