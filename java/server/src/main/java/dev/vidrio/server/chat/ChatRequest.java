package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.Operation;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.ChatFormat;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.generation.ChunkEvents;
import dev.vidrio.server.generation.Parameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.TextAnswer;
import dev.vidrio.server.generation.TextRequest;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Value;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.prompt.ChatMessages;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * A request to answer a conversation.
 *
 * @param logProbabilities as {@link GenerationRequest#logProbabilities}
 * @param effort how much the model is to think before it answers; null where that is not said
 * @param variables of the model's chat template
 * @param includeUsage whether a stream ends with what it cost
 */
record ChatRequest(
    String model,
    List<ChatMessage> messages,
    ChatTools tools,
    Parameters parameters,
    int logProbabilities,
    @Nullable Value effort,
    Map<String, Value> variables,
    boolean stream,
    boolean includeUsage)
    implements TextRequest {

  static ChatRequest read(Fields fields, RequestLimits limits, String tenant) {
    String model = fields.required("model").string();
    List<ChatMessage> messages = ChatMessages.read(fields.required("messages"));
    refuseOthers(fields);
    boolean stream = fields.bool("stream", false);
    ChatTools tools = ChatTools.read(fields, false);
    Parameters parameters =
        formed(
            Parameters.read(fields, tokens(fields, limits), limits, tenant),
            AnswerFormat.of(fields.value("response_format"), false),
            tools);
    var request =
        new ChatRequest(
            model,
            messages,
            tools,
            parameters,
            logProbabilities(fields),
            fields.value("reasoning_effort"),
            variables(fields),
            stream,
            ChunkEvents.includesUsage(fields, stream));
    fields.end();
    return request;
  }

  /**
   * Parameters with the form that an answer must have.
   *
   * @param format that the request asks for in the words of its route, or null
   */
  static Parameters formed(Parameters parameters, @Nullable AnswerFormat format, ChatTools tools) {
    return parameters.withFormat(tools.answer(AnswerFormat.one(parameters.format(), format)));
  }

  private static void refuseOthers(Fields fields) {
    fields.refuse("functions", "is the old form of tools");
    fields.refuse("function_call", "is the old form of tool_choice");
    fields.refuse("audio", "models here write text only");
    fields.refuse("prediction", "draft_tokens guesses from the prompt itself");
    var _ = fields.oneOf("verbosity", "medium", "medium");
    Value modalities = fields.value("modalities");
    if (modalities != null) {
      for (Value modality : modalities.elements(1, 8)) {
        if (!modality.string().equals("text")) {
          throw ApiException.unsupported(
              modality.path(), modality.path() + ": models here write text only");
        }
      }
    }
  }

  private static int tokens(Fields fields, RequestLimits limits) {
    Value old = fields.value("max_tokens");
    Value now = fields.value("max_completion_tokens");
    if (old != null && now != null) {
      throw ApiException.invalid(
          "max_tokens", "max_tokens: must not be given beside max_completion_tokens");
    }
    Value value = now == null ? old : now;
    return value == null ? limits.tokens() : value.integer(1, limits.tokens());
  }

  private static int logProbabilities(Fields fields) {
    boolean wanted = fields.bool("logprobs", false);
    Value top = fields.value("top_logprobs");
    int count = top == null ? 0 : top.integer(0, GenerationRequest.MAX_TOP);
    if (count > 0 && !wanted) {
      throw ApiException.invalid("top_logprobs", "top_logprobs: needs logprobs to be true");
    }
    return wanted ? count : -1;
  }

  /** Reads what sets variables of the chat template. */
  static Map<String, Value> variables(Fields fields) {
    Map<String, Value> variables = new LinkedHashMap<>();
    Value value = fields.value("chat_template_kwargs");
    if (value != null) {
      String path = value.fields().path("");
      value.node().forEachEntry((name, node) -> variables.put(name, new Value(path + name, node)));
    }
    return variables;
  }

  @Override
  public String promptField() {
    return "messages";
  }

  @Override
  public List<GenerationRequest> generations(ServedModel served) {
    return generations(served, promptField());
  }

  /** The same of a conversation that was read from another field. */
  List<GenerationRequest> generations(ServedModel served, String field) {
    int[] prompt = encode(served.chat(), field);
    return List.of(
        parameters.request(prompt, logProbabilities, -1).toBuilder()
            .operation(Operation.CHAT)
            .build());
  }

  @Override
  public @Nullable Grammar grammar(ServedModel served, int[] prompt, @Nullable Grammar form) {
    return served.chat().behindThoughts(prompt, form);
  }

  @Override
  public TextAnswer answer(ServedModel served, List<GenerationRequest> generations) {
    return new ChatCompletion(this, served, generations.getFirst().prompt());
  }

  /** The tokens of the conversation, up to where the answer begins. */
  private int[] encode(ChatFormat format, String field) {
    if (tools.areGiven() && !format.template().reads("tools")) {
      throw ApiException.unsupported("tools", "tools: the model's chat template takes none");
    }
    ChatOptions.Builder options = ChatOptions.builder();
    tools.tools().forEach(options::tool);
    if (effort != null) {
      addEffort(format, effort, options);
    }
    variables.forEach(
        (name, value) -> {
          if (!format.template().variables().contains(name)) {
            throw ApiException.unsupported(
                value.path(),
                value.path() + ": the model's chat template reads no variable of that name");
          }
          options.variable(
              name, JsonMapper.shared().convertValue(value.node(), new TypeReference<>() {}));
        });
    return ChatMessages.encode(format, messages, options.build(), field);
  }

  private static void addEffort(ChatFormat format, Value effort, ChatOptions.Builder options) {
    try {
      format.reasoningEffort(effort.string()).forEach(options::variable);
    } catch (InvalidInputException e) {
      throw ApiException.unsupported(effort.path(), effort.path() + ": " + e.limit());
    }
  }
}
