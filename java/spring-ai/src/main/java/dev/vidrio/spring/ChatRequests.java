package dev.vidrio.spring;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.Operation;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.template.ChatOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.metadata.ChatGenerationMetadata;
import org.springframework.ai.chat.metadata.ChatResponseMetadata;
import org.springframework.ai.chat.metadata.DefaultUsage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.Generation;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.model.tool.StructuredOutputChatOptions;
import org.springframework.ai.model.tool.ToolCallingChatOptions;
import org.springframework.ai.tool.ToolCallback;

/** Submits Spring AI's prompts to an engine and converts its answers. */
final class ChatRequests {
  private final Engine engine;
  private final ChatFormat format;
  private final String name;
  private final GenerationOptions generation;

  ChatRequests(Engine engine, GenerationOptions generation) {
    String file = engine.model().name();
    this.engine = engine;
    this.generation = generation;
    this.name = String.valueOf(Path.of(file).getFileName());
    this.format =
        engine
            .model()
            .chatFormat()
            .orElseThrow(() -> new InvalidInputException("model", file, "has no chat template"));
  }

  /**
   * A running request.
   *
   * @param stream its tokens
   * @param answer parses the content, reasoning and calls of the answer
   */
  record Running(TokenStream stream, ChatAnswer answer) {
    /** Waits for the end and returns its reason. */
    FinishReason finish() {
      return stream.result().result().finish();
    }
  }

  /** Returns the default options of prompts. */
  VidrioChatOptions defaults() {
    SamplingOptions sampling = generation.sampling();
    return VidrioChatOptions.builder()
        .model(name)
        .maxTokens(generation.tokens())
        .temperature(sampling.temperature())
        .topK(sampling.topK())
        .topP(sampling.topP())
        .frequencyPenalty(sampling.frequencyPenalty())
        .presencePenalty(sampling.presencePenalty())
        .stopSequences(generation.stop())
        .build();
  }

  /** Submits a prompt. */
  Running submit(Prompt prompt) {
    var options = prompt.getOptions();
    var template = ChatOptions.builder();
    List<ToolCallback> tools =
        options instanceof ToolCallingChatOptions calling
            ? or(calling.getToolCallbacks(), List.of())
            : List.of();
    List<Map<String, @Nullable Object>> functions =
        tools.stream().map(tool -> Messages.toTemplate(tool.getToolDefinition())).toList();
    functions.forEach(template::tool);
    int[] tokens = format.encode(Messages.toTemplate(prompt.getInstructions()), template.build());
    Grammar answer =
        format.afterReasoning(
            tokens, Grammar.chatAnswer(format.toolCallFormat(), functions, false, format(options)));
    GenerationRequest request =
        GenerationRequest.builder(tokens)
            .options((options == null ? generation : generation(options)).withGrammar(answer))
            .operation(Operation.CHAT)
            .build();
    return new Running(engine.submit(request), format.newAnswer(tokens, functions));
  }

  private static @Nullable Grammar format(
      org.springframework.ai.chat.prompt.@Nullable ChatOptions options) {
    String schema =
        options instanceof StructuredOutputChatOptions structured
            ? structured.getOutputSchema()
            : null;
    return schema == null ? null : Grammar.jsonSchema(schema);
  }

  private GenerationOptions generation(org.springframework.ai.chat.prompt.ChatOptions options) {
    String model = options.getModel();
    if (model != null && !model.equals(name)) {
      throw new InvalidInputException("model", model, "not found; available: " + name);
    }
    SamplingOptions base = generation.sampling();
    SamplingOptions sampling =
        base.toBuilder()
            .temperature(or(options.getTemperature(), base.temperature()))
            .topK(or(options.getTopK(), base.topK()))
            .topP(or(options.getTopP(), base.topP()))
            .frequencyPenalty(or(options.getFrequencyPenalty(), base.frequencyPenalty()))
            .presencePenalty(or(options.getPresencePenalty(), base.presencePenalty()))
            .build();
    return generation
        .withTokens(or(options.getMaxTokens(), generation.tokens()))
        .withSampling(sampling)
        .withStop(or(options.getStopSequences(), generation.stop()).toArray(String[]::new));
  }

  private static <T> T or(@Nullable T value, T otherwise) {
    return value == null ? otherwise : value;
  }

  /** A piece of an answer: text and reasoning. */
  record Piece(String text, String reasoning) {
    boolean isEmpty() {
      return text.isEmpty() && reasoning.isEmpty();
    }
  }

  /** Returns the response of a piece of a stream. */
  ChatResponse response(Piece piece) {
    return new ChatResponse(
        List.of(new Generation(message(piece, List.of()))),
        ChatResponseMetadata.builder().model(name).build());
  }

  private static AssistantMessage message(Piece piece, List<AssistantMessage.ToolCall> calls) {
    return AssistantMessage.builder()
        .content(piece.text())
        .properties(
            piece.reasoning().isEmpty() ? Map.of() : Map.of(Messages.REASONING, piece.reasoning()))
        .toolCalls(calls)
        .build();
  }

  /**
   * Returns the last response of an answer, with its calls and usage.
   *
   * @param rest the text that has not been returned yet
   * @throws CancellationException if the engine was closed before the end of the answer
   */
  ChatResponse last(Running running, Piece rest) {
    Completion completion = running.stream().result();
    GenerationResult result = completion.result();
    List<AssistantMessage.ToolCall> calls =
        running.answer().message().toolCalls().stream().map(Messages::toSpring).toList();
    if (result.finish() == FinishReason.CANCELED) {
      // The caller still waits, so that only closing the engine can have canceled the answer.
      throw new CancellationException(
          "the engine was closed after " + result.tokens().size() + " tokens of the answer");
    }
    String reason = calls.isEmpty() ? result.finish().name() : "TOOL_CALLS";
    return new ChatResponse(
        List.of(
            new Generation(
                message(rest, calls),
                ChatGenerationMetadata.builder().finishReason(reason).build())),
        ChatResponseMetadata.builder()
            .id(UUID.randomUUID().toString())
            .model(name)
            .usage(usage(result, completion.cachedTokens()))
            .build());
  }

  private static DefaultUsage usage(GenerationResult result, int cachedTokens) {
    int prompt = result.promptTokens();
    int generated = result.tokens().size();
    return new DefaultUsage(prompt, generated, prompt + generated, null, (long) cachedTokens, null);
  }
}
