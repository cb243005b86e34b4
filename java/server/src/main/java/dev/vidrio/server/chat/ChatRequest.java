package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.Operation;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.generation.ApiRequest;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.StreamUsage;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.prompt.ChatMessages;
import dev.vidrio.server.prompt.TokenIds;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.template.ToolCall;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * A request of {@code /v1/chat/completions}, or one of {@code /v1/responses} that was {@linkplain
 * ResponseRequest converted}, or one of another API that was translated to the former.
 *
 * @param model the name of the model
 * @param messages the conversation
 * @param answer tokens with which the answer begins; null for none
 * @param tools the tools
 * @param parameters the generation parameters
 * @param answerFormat the format of an answer that is not a call; null for any
 * @param logProbabilities as {@link GenerationRequest#logProbabilities}
 * @param effort the reasoning effort; null for the template's default
 * @param variables variables of the model's chat template
 * @param stream if true, the response is streamed
 * @param usage which chunks of a stream report the usage
 * @param promptField the field of the conversation, for errors
 * @param responder creates the response
 */
public record ChatRequest(
    String model,
    List<ChatMessage> messages,
    @Nullable TokenIds answer,
    ChatTools tools,
    GenerationParameters parameters,
    @Nullable AnswerFormat answerFormat,
    int logProbabilities,
    @Nullable JsonValue effort,
    Map<String, JsonValue> variables,
    boolean stream,
    StreamUsage usage,
    String promptField,
    Responder responder)
    implements ApiRequest {

  /** Creates responses in the format of a route. */
  @FunctionalInterface
  public interface Responder {
    /**
     * Creates the response to a request.
     *
     * @param answers creates parsers of answers
     */
    ApiResponse respond(ChatRequest request, ServedModel served, Supplier<ChatAnswer> answers);
  }

  /** Reads a request of {@code /v1/chat/completions}. */
  public static ChatRequest read(JsonFields fields, RequestLimits limits, String tenant) {
    return read(fields, limits, tenant, "messages", ChatCompletion::new);
  }

  /**
   * Reads a request that was translated from another API.
   *
   * @param promptField the field of the conversation, for errors
   * @param responder creates the response
   */
  public static ChatRequest read(
      JsonFields fields,
      RequestLimits limits,
      String tenant,
      String promptField,
      Responder responder) {
    String model = fields.required("model").string();
    List<ChatMessage> messages = ChatMessages.read(fields.required("messages"));
    rejectUnsupported(fields);
    boolean stream = fields.bool("stream", false);
    ChatTools tools = ChatTools.read(fields, false);
    var request =
        new ChatRequest(
            model,
            messages,
            fields.optional("answer", TokenIds::read).orElse(null),
            tools,
            GenerationParameters.read(fields, tokens(fields, limits), limits, tenant),
            AnswerFormat.single(
                AnswerFormat.read(fields), AnswerFormat.of(fields.value("response_format"), false)),
            logProbabilities(fields),
            fields.value("reasoning_effort"),
            variables(fields),
            stream,
            StreamUsage.read(fields, stream),
            promptField,
            responder);
    fields.end();
    return request;
  }

  private static void rejectUnsupported(JsonFields fields) {
    fields.reject("functions", "not supported; use tools");
    fields.reject("function_call", "not supported; use tool_choice");
    fields.reject("audio", "not supported; only text output is");
    fields.reject("prediction", "not supported; use draft_tokens");
    var _ = fields.oneOf("verbosity", "medium", "medium");
    JsonValue modalities = fields.value("modalities");
    if (modalities != null) {
      for (JsonValue modality : modalities.elements(1, 8)) {
        if (!modality.string().equals("text")) {
          throw ApiException.unsupported(modality.path(), "not supported; only text output is");
        }
      }
    }
  }

  private static int tokens(JsonFields fields, RequestLimits limits) {
    JsonValue old = fields.value("max_tokens");
    JsonValue now = fields.value("max_completion_tokens");
    if (old != null && now != null) {
      throw ApiException.invalid("max_tokens", "conflicts with max_completion_tokens");
    }
    JsonValue value = now == null ? old : now;
    return value == null ? limits.tokens() : value.integer(1, limits.tokens());
  }

  private static int logProbabilities(JsonFields fields) {
    boolean wanted = fields.bool("logprobs", false);
    JsonValue top = fields.value("top_logprobs");
    int count = top == null ? 0 : top.integer(0, GenerationRequest.MAX_TOP);
    if (count > 0 && !wanted) {
      throw ApiException.invalid("top_logprobs", "needs logprobs to be true");
    }
    return wanted ? count : -1;
  }

  /** Reads {@code chat_template_kwargs}. */
  static Map<String, JsonValue> variables(JsonFields fields) {
    Map<String, JsonValue> variables = new LinkedHashMap<>();
    JsonValue value = fields.value("chat_template_kwargs");
    if (value != null) {
      String path = value.fields().path("");
      value
          .node()
          .forEachEntry((name, node) -> variables.put(name, new JsonValue(path + name, node)));
    }
    return variables;
  }

  /** Returns the calls of an answer to report. */
  public List<ToolCall> calls(ChatMessage answer) {
    return tools.kept(answer.toolCalls());
  }

  @Override
  public @Nullable AnswerFormat format(ServedModel served) {
    AnswerFormat format = tools.format(served, answerFormat);
    if (answer != null && format != null) {
      throw ApiException.unsupported("answer", "not supported with a format of the answer");
    }
    return format;
  }

  @Override
  public @Nullable Grammar grammar(ServedModel served, int[] prompt, @Nullable Grammar format) {
    return served.chat().afterReasoning(prompt, format);
  }

  @Override
  public GenerationRequest.Builder configure(GenerationRequest.Builder request) {
    return request.logProbabilities(logProbabilities).operation(Operation.CHAT);
  }

  @Override
  public ApiResponse respond(ServedModel served, List<int[]> prompts) {
    int[] given = given(served);
    int[] prompt = prompts.getFirst();
    int[] before = Arrays.copyOf(prompt, prompt.length - given.length);
    return responder.respond(
        this,
        served,
        () -> tools.newAnswer(served.chat(), before, answerFormat != null).beginWith(given));
  }

  @Override
  public List<int[]> encode(ServedModel served) {
    int[] prompt =
        ChatMessages.encode(served.chat(), messages, options(served.chat()).build(), promptField);
    return List.of(IntStream.concat(IntStream.of(prompt), IntStream.of(given(served))).toArray());
  }

  /** Returns the tokens with which the answer begins. */
  private int[] given(ServedModel served) {
    return answer == null ? new int[0] : answer.of(served.tokenizer());
  }

  /**
   * Returns the prompt as text.
   *
   * @param addGenerationPrompt if true, it ends with the beginning of the assistant's turn
   */
  String render(ServedModel served, boolean addGenerationPrompt) {
    ChatOptions options = options(served.chat()).addGenerationPrompt(addGenerationPrompt).build();
    return served
        .tokenizer()
        .decode(ChatMessages.encode(served.chat(), messages, options, promptField));
  }

  private ChatOptions.Builder options(ChatFormat chat) {
    if (tools.areGiven()) {
      require("tools", chat.template()::requireTools);
    }
    ChatOptions.Builder options = ChatOptions.builder();
    tools.tools().forEach(options::tool);
    if (effort != null) {
      String level = effort.string();
      // A model that does not reason needs no variable to switch reasoning off.
      if (!level.equals("none") || chat.reasons()) {
        require(effort.path(), () -> chat.reasoningEffort(level).forEach(options::variable));
      }
    }
    variables.forEach(
        (name, value) -> {
          if (!chat.template().variables().contains(name)) {
            throw ApiException.unsupported(
                value.path(), "not a variable of this model's chat template");
          }
          options.variable(
              name, JsonMapper.shared().convertValue(value.node(), new TypeReference<>() {}));
        });
    return options;
  }

  /** Reports what the model's chat template rejects. */
  private static void require(String path, Runnable check) {
    try {
      check.run();
    } catch (InvalidInputException e) {
      throw ApiException.unsupported(path, e.limit());
    }
  }
}
