package dev.vidrio.langchain4j;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.Operation;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.ChatAnswer;
import dev.vidrio.model.ChatFormat;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.GenerationResult;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What both chat models do: requests of LangChain4j to an engine, and its answers back. */
final class ChatEngine implements AutoCloseable {
  private final EngineHandle handle;
  private final ChatFormat format;
  private final String name;
  private final ChatRequestParameters defaults;
  private final GenerationOptions generation;
  private final @Nullable String reasoningEffort;
  private final @Nullable Duration timeout;
  private final List<ChatModelListener> listeners;

  ChatEngine(ChatModelBuilder<?> builder) {
    this.generation = builder.generationOptions;
    this.reasoningEffort = builder.reasoningEffort;
    this.timeout = builder.timeout;
    this.listeners = builder.listeners;
    var _ = request(builder.parameters.build());
    this.handle = EngineHandle.open(builder.engine, builder.modelPath, builder.engineOptions);
    try {
      String file = handle.engine().model().name();
      this.name = String.valueOf(Path.of(file).getFileName());
      this.format =
          ChatFormat.of(handle.engine().model())
              .orElseThrow(
                  () ->
                      new InvalidInputException(
                          "model", file, "has no chat template: it is not made for chat"));
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
   * A request that runs.
   *
   * @param reader tells its text, thoughts and calls apart
   */
  record Answer(TokenStream stream, ChatAnswer reader) {}

  ChatRequestParameters defaults() {
    return defaults;
  }

  List<ChatModelListener> listeners() {
    return listeners;
  }

  /**
   * Hands over a request.
   *
   * @throws UnsupportedFeatureException when it asks for what there is not
   */
  Answer submit(ChatRequest request) {
    ChatRequestParameters parameters = request.parameters();
    requireSupported(parameters);
    handle.engine().requireRoom(1); // before the work that a form and a prompt are
    List<Map<String, @Nullable Object>> tools = tools(parameters);
    if (tools.isEmpty() && parameters.toolChoice() == ToolChoice.REQUIRED) {
      throw new InvalidInputException("tools", "", "there are none to choose from");
    }
    var options = ChatOptions.builder();
    tools.forEach(options::tool);
    if (reasoningEffort != null) {
      format.reasoningEffort(reasoningEffort).forEach(options::variable);
    }
    List<ChatMessage> messages = request.messages().stream().map(Messages::toTemplate).toList();
    int[] prompt = format.encode(messages, options.build());
    GenerationRequest asked = request(parameters, prompt);
    Grammar grammar = format.behindThoughts(prompt, asked.options().grammar());
    GenerationRequest free =
        asked.toBuilder().options(asked.options().withGrammar(grammar)).build();
    return new Answer(handle.engine().submit(free), format.newAnswer(prompt, !tools.isEmpty()));
  }

  private static List<Map<String, @Nullable Object>> tools(ChatRequestParameters parameters) {
    return parameters.toolChoice() == ToolChoice.NONE
        ? List.of()
        : parameters.toolSpecifications().stream().map(Messages::toTemplate).toList();
  }

  /**
   * What parameters ask the engine for.
   *
   * @throws InvalidInputException when one of them is out of range
   */
  private GenerationRequest request(ChatRequestParameters parameters, int... prompt) {
    List<Map<String, @Nullable Object>> tools = tools(parameters);
    // Those that must be called may come with a request.
    boolean mustCall = parameters.toolChoice() == ToolChoice.REQUIRED && !tools.isEmpty();
    Grammar form = ResponseForm.of(parameters.responseFormat());
    return GenerationRequest.builder(prompt)
        .options(generation(parameters).withGrammar(Grammar.chatAnswer(tools, mustCall, form)))
        .timeout(timeout)
        .operation(Operation.CHAT)
        .build();
  }

  private void requireSupported(ChatRequestParameters parameters) {
    String model = parameters.modelName();
    if (model != null && !model.equals(name)) {
      throw unsupported("modelName '" + model + "' (the model is '" + name + "')");
    }
    if (!parameters.toolSpecifications().isEmpty() && !format.template().reads("tools")) {
      throw unsupported("a request with tools, which the template of " + name + " does not take,");
    }
  }

  private static UnsupportedFeatureException unsupported(String what) {
    return new UnsupportedFeatureException(what + " is not supported by Vidrio");
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
    return new SamplingOptions(
        or(parameters.temperature(), base.temperature()),
        or(parameters.topK(), base.topK()),
        or(parameters.topP(), base.topP()),
        base.minP(),
        base.repeatPenalty(),
        or(parameters.frequencyPenalty(), base.frequencyPenalty()),
        or(parameters.presencePenalty(), base.presencePenalty()),
        base.penaltyWindow(),
        base.logitBias(),
        base.seed());
  }

  private static <T> T or(@Nullable T value, T otherwise) {
    return value == null ? otherwise : value;
  }

  /**
   * What an answer is to LangChain4j.
   *
   * @throws TimeoutException when its time was over
   * @throws NonRetriableException when the engine was closed before its end
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
      // Nobody who waits for an answer has canceled it: a part of one is none.
      case CANCELED ->
          throw new NonRetriableException(
              "the engine was closed after " + result.tokens().size() + " tokens of the answer");
      case TIMEOUT ->
          throw new TimeoutException(
              "timeout " + timeout + ": over after " + result.tokens().size() + " tokens");
    };
  }

  @Override
  public void close() {
    handle.close();
  }
}
