package dev.vidrio.langchain4j;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.Operation;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.template.call.ToolCallFormat;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Common parts of both chat models: submits requests to an engine and converts its answers. */
abstract class EngineChatModel implements AutoCloseable {
  private final EngineHandle handle;
  private final ChatFormat format;
  private final String name;
  private final ChatRequestParameters defaults;
  private final GenerationOptions generation;
  private final @Nullable String reasoningEffort;
  private final @Nullable Duration timeout;
  private final List<ChatModelListener> listeners;

  EngineChatModel(ChatModelBuilder<?> builder) {
    this.generation = builder.generationOptions;
    this.reasoningEffort = builder.reasoningEffort;
    this.timeout = builder.timeout;
    this.listeners = builder.listeners;
    ChatRequestParameters parameters = builder.parameters.build();
    var _ = request(parameters, grammar(ToolCallFormat.OBJECT, parameters)).build();
    this.handle = EngineHandle.open(builder);
    try {
      String file = handle.engine().model().name();
      this.name = String.valueOf(Path.of(file).getFileName());
      this.format =
          handle
              .engine()
              .model()
              .chatFormat()
              .orElseThrow(() -> new InvalidInputException("model", file, "has no chat template"));
      this.defaults =
          ChatRequestParameters.builder()
              .modelName(name)
              .overrideWith(builder.parameters.build())
              .build();
      requireSupported(defaults);
      if (reasoningEffort != null) {
        var _ = format.reasoningEffort(reasoningEffort);
      }
    } catch (Throwable e) {
      handle.close();
      throw e;
    }
  }

  /**
   * A running request.
   *
   * @param stream its tokens
   * @param reader parses the content, reasoning and calls of the answer
   */
  record Answer(TokenStream stream, ChatAnswer reader) {}

  /** Returns the default parameters of requests. */
  public ChatRequestParameters defaultRequestParameters() {
    return defaults;
  }

  /** Returns the listeners of requests and answers. */
  public List<ChatModelListener> listeners() {
    return listeners;
  }

  /** Returns the capabilities: answers match the JSON schema of a response format. */
  public Set<Capability> supportedCapabilities() {
    return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
  }

  /**
   * Submits a request.
   *
   * @throws UnsupportedFeatureException if it needs a feature that is not supported
   */
  Answer submit(ChatRequest request) {
    ChatRequestParameters parameters = request.parameters();
    requireSupported(parameters);
    handle.engine().requireCapacity(1); // before the work on a grammar and a prompt
    List<Map<String, @Nullable Object>> tools = tools(parameters);
    if (tools.isEmpty() && parameters.toolChoice() == ToolChoice.REQUIRED) {
      throw new InvalidInputException("tools", "", "must not be empty");
    }
    var options = ChatOptions.builder();
    tools.forEach(options::tool);
    if (reasoningEffort != null) {
      format.reasoningEffort(reasoningEffort).forEach(options::variable);
    }
    List<ChatMessage> messages = request.messages().stream().map(Messages::toTemplate).toList();
    int[] prompt = format.encode(messages, options.build());
    Grammar grammar = format.afterReasoning(prompt, grammar(format.toolCallFormat(), parameters));
    GenerationRequest asked = request(parameters, grammar, prompt).build();
    return new Answer(handle.engine().submit(asked), format.newAnswer(prompt, tools));
  }

  private static List<Map<String, @Nullable Object>> tools(ChatRequestParameters parameters) {
    return parameters.toolChoice() == ToolChoice.NONE
        ? List.of()
        : parameters.toolSpecifications().stream().map(Messages::toTemplate).toList();
  }

  /**
   * Compiles the grammar of an answer or a call.
   *
   * @throws InvalidInputException if a schema is not supported
   */
  private static @Nullable Grammar grammar(ToolCallFormat calls, ChatRequestParameters parameters) {
    List<Map<String, @Nullable Object>> tools = tools(parameters);
    // Required tools may be given by the request instead of the builder.
    boolean mustCall = parameters.toolChoice() == ToolChoice.REQUIRED && !tools.isEmpty();
    Grammar format = grammar(parameters.responseFormat());
    return Grammar.chatAnswer(calls, tools, mustCall, format);
  }

  /**
   * Returns the grammar of a response format, or null for any text.
   *
   * @throws InvalidInputException if a schema is not supported
   */
  private static @Nullable Grammar grammar(@Nullable ResponseFormat format) {
    if (format == null || format.type() == ResponseFormatType.TEXT) {
      return null;
    }
    JsonSchema schema = format.jsonSchema();
    if (schema == null) {
      return Grammar.json();
    }
    return schema.rootElement() instanceof JsonRawSchema raw
        ? Grammar.jsonSchema(raw.schema())
        : Grammar.jsonSchema(JsonSchemaElementUtils.toMap(schema.rootElement()));
  }

  /**
   * Returns a builder of the engine's request.
   *
   * @throws InvalidInputException if a parameter is out of range
   */
  private GenerationRequest.Builder request(
      ChatRequestParameters parameters, @Nullable Grammar grammar, int... prompt) {
    return GenerationRequest.builder(prompt)
        .options(generation(parameters).withGrammar(grammar))
        .timeout(timeout)
        .operation(Operation.CHAT);
  }

  private void requireSupported(ChatRequestParameters parameters) {
    String model = parameters.modelName();
    if (model != null && !model.equals(name)) {
      throw unsupported("modelName '" + model + "' (available: '" + name + "')");
    }
    if (!parameters.toolSpecifications().isEmpty()) {
      try {
        format.template().requireTools();
      } catch (InvalidInputException e) {
        throw new UnsupportedFeatureException(e.getMessage());
      }
    }
  }

  private static UnsupportedFeatureException unsupported(String feature) {
    return new UnsupportedFeatureException(feature + " is not supported by Vidrio");
  }

  private GenerationOptions generation(ChatRequestParameters parameters) {
    List<String> stops = parameters.stopSequences();
    return generation
        .withTokens(or(parameters.maxOutputTokens(), generation.tokens()))
        .withSampling(sampling(parameters))
        .withStop((stops.isEmpty() ? generation.stop() : stops).toArray(String[]::new));
  }

  private SamplingOptions sampling(ChatRequestParameters parameters) {
    SamplingOptions base = generation.sampling();
    return base.toBuilder()
        .temperature(or(parameters.temperature(), base.temperature()))
        .topK(or(parameters.topK(), base.topK()))
        .topP(or(parameters.topP(), base.topP()))
        .frequencyPenalty(or(parameters.frequencyPenalty(), base.frequencyPenalty()))
        .presencePenalty(or(parameters.presencePenalty(), base.presencePenalty()))
        .build();
  }

  private static <T> T or(@Nullable T value, T otherwise) {
    return value == null ? otherwise : value;
  }

  /**
   * Returns a complete answer as LangChain4j's response.
   *
   * @throws TimeoutException if the time limit was exceeded
   * @throws NonRetriableException if the engine was closed before the end of the answer
   */
  ChatResponse response(ChatMessage message, Completion completion) {
    GenerationResult result = completion.result();
    AiMessage answer = Messages.toAiMessage(message);
    return ChatResponse.builder()
        .id(UUID.randomUUID().toString())
        .modelName(name)
        .aiMessage(answer)
        .tokenUsage(new TokenUsage(result.promptTokens(), result.tokens().size()))
        .finishReason(reason(answer, result))
        .build();
  }

  private FinishReason reason(AiMessage answer, GenerationResult result) {
    if (answer.hasToolExecutionRequests()) {
      return FinishReason.TOOL_EXECUTION;
    }
    return switch (result.finish()) {
      case STOP -> FinishReason.STOP;
      case LENGTH, CONTEXT -> FinishReason.LENGTH;
      // The caller still waits, so that only closing the engine can have canceled the answer.
      case CANCELED ->
          throw new NonRetriableException(
              "the engine was closed after " + result.tokens().size() + " tokens of the answer");
      case TIMEOUT ->
          throw new TimeoutException(
              "timeout " + timeout + ": exceeded after " + result.tokens().size() + " tokens");
    };
  }

  /** Closes the engine if the model has opened it, which cancels running requests. */
  @Override
  public void close() {
    handle.close();
  }
}
