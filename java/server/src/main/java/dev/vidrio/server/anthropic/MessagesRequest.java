package dev.vidrio.server.anthropic;

import dev.vidrio.server.chat.ChatRequest;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.Translation;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;

/** Translates requests of {@code /v1/messages} to those of {@code /v1/chat/completions}. */
public final class MessagesRequest {
  private static final int MAX_STOPS = 16;

  /** Minimum of {@code thinking.budget_tokens} in Anthropic's API. */
  private static final int MIN_BUDGET = 1024;

  /** Fields of chats that Anthropic's API does not have. */
  private static final String[] EXTENSIONS = {
    "seed",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repeat_penalty",
    "repetition_penalty",
    "repeat_last_n",
    "dry_multiplier",
    "dry_base",
    "dry_allowed_length",
    "dry_penalty_last_n",
    "dry_sequence_breakers",
    "top_n_sigma",
    "xtc_probability",
    "xtc_threshold",
    "logit_bias",
    "min_tokens",
    "ignore_eos",
    "stop_token_ids",
    "priority",
    "timeout",
    "cache_salt",
    "draft_tokens",
    "regex",
    "grammar",
    "choice",
    "chat_template_kwargs",
    "vidrio"
  };

  private MessagesRequest() {}

  /** Reads a request of {@code /v1/messages}. */
  public static ChatRequest read(JsonFields fields, RequestLimits limits, String tenant) {
    var chat = new Translation();
    JsonValue tokens = fields.required("max_tokens");
    int max = tokens.integer(1, limits.tokens());
    chat.with("max_tokens", tokens)
        .withSame(fields, "temperature", "top_p", "top_k", "stream")
        .withSame(fields, EXTENSIONS)
        .with("stop", stops(fields));
    JsonValue metadata = fields.value("metadata");
    if (metadata != null) {
      JsonFields known = metadata.fields();
      known.ignore("user_id");
      known.end();
    }
    var _ = fields.oneOf("service_tier", "auto", "auto", "standard_only");
    readPrompt(chat, fields, max);
    fields.end();
    return ChatRequest.read(chat.fields(), limits, tenant, "messages", MessageResponse::of);
  }

  /** Reads a request of {@code /v1/messages/count_tokens}. */
  public static ChatRequest readPrompt(JsonFields fields, RequestLimits limits, String tenant) {
    var chat = new Translation();
    chat.withSame(fields, "chat_template_kwargs");
    readPrompt(chat, fields, Integer.MAX_VALUE);
    fields.end();
    return ChatRequest.read(chat.fields(), limits, tenant, "messages", MessageResponse::of);
  }

  /** Reads the fields that the prompt depends on. */
  private static void readPrompt(Translation chat, JsonFields fields, int tokens) {
    chat.withSame(fields, "model");
    var _ = fields.required("model");
    MessagesInput.cacheControl(fields);
    var _ = fields.oneOf("speed", "standard", "standard");
    chat.with("messages", "messages", MessagesInput.read(fields));
    MessagesTools.read(chat, fields);
    JsonValue effort = outputConfig(chat, fields);
    chat.with("reasoning_effort", thinking(fields, effort, tokens));
  }

  private static @Nullable JsonValue stops(JsonFields fields) {
    JsonValue stops = fields.value("stop_sequences");
    if (stops != null) {
      stops.elements(0, MAX_STOPS).forEach(JsonValue::string);
    }
    return stops;
  }

  /** Reads {@code output_config} and returns the effort, or null. */
  private static @Nullable JsonValue outputConfig(Translation chat, JsonFields fields) {
    JsonValue value = fields.value("output_config");
    if (value == null) {
      return null;
    }
    JsonFields config = value.fields();
    JsonValue format = config.value("format");
    if (format != null) {
      JsonFields schema = format.fields();
      var _ = schema.required("type");
      var _ = schema.oneOf("type", "json_schema", "json_schema");
      chat.with("json_schema", schema.required("schema"));
      schema.end();
    }
    JsonValue effort = config.value("effort");
    if (effort != null) {
      var _ = config.oneOf("effort", "high", "low", "medium", "high", "xhigh", "max");
    }
    config.end();
    return effort;
  }

  /**
   * Reads {@code thinking} and returns the reasoning effort; null for the template's default.
   *
   * @param effort the effort of {@code output_config}, or null
   * @param tokens maximum tokens of the answer
   */
  private static @Nullable JsonValue thinking(
      JsonFields fields, @Nullable JsonValue effort, int tokens) {
    JsonValue value = fields.value("thinking");
    if (value == null) {
      return effort;
    }
    JsonFields thinking = value.fields();
    JsonValue type = thinking.required("type");
    JsonValue wanted =
        switch (type.string()) {
          case "disabled" -> level(value, "none");
          case "enabled" -> {
            JsonValue budget = thinking.required("budget_tokens");
            int used = budget.integer(MIN_BUDGET, Integer.MAX_VALUE);
            if (used >= tokens) {
              throw budget.error("must be less than max_tokens, " + tokens);
            }
            yield effort == null ? level(value, "medium") : effort;
          }
          case "adaptive" -> effort == null ? level(value, "medium") : effort;
          default -> throw type.error("must be enabled, adaptive or disabled");
        };
    var _ = thinking.oneOf("display", "summarized", "summarized");
    thinking.end();
    return wanted;
  }

  private static JsonValue level(JsonValue thinking, String level) {
    return new JsonValue(thinking.path(), JsonNodeFactory.instance.stringNode(level));
  }

  /** Returns the error of a content block that is not text. */
  static ApiException unsupportedBlock(JsonValue type) {
    return ApiException.unsupported(
        type.path(), "'" + type.string() + "'", "not supported; only text input is");
  }
}
