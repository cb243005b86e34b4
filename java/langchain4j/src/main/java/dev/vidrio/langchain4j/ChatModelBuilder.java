package dev.vidrio.langchain4j;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GenerationOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What builders of chat models share. One of {@link #engine} and {@link #modelPath} is needed.
 *
 * @param <B> the builder
 */
public abstract class ChatModelBuilder<B extends ChatModelBuilder<B>> {
  final DefaultChatRequestParameters.Builder<?> parameters = ChatRequestParameters.builder();
  @Nullable Engine engine;
  @Nullable Path modelPath;
  EngineOptions engineOptions = EngineOptions.DEFAULT;
  GenerationOptions generationOptions = GenerationOptions.DEFAULT;
  @Nullable String reasoningEffort;
  @Nullable Duration timeout;
  List<ChatModelListener> listeners = List.of();

  ChatModelBuilder() {}

  abstract B self();

  /** Sets an engine of the caller's, which closing the model leaves open. */
  public B engine(Engine value) {
    engine = value;
    return self();
  }

  /** Sets the file of a model, for an engine that is closed with the model. */
  public B modelPath(Path value) {
    modelPath = value;
    return self();
  }

  /** Sets the options of an engine that {@link #modelPath} opens. */
  public B engineOptions(EngineOptions value) {
    engineOptions = value;
    return self();
  }

  /** Sets how answers are generated where neither a request nor a parameter below says it. */
  public B generationOptions(GenerationOptions value) {
    generationOptions = value;
    return self();
  }

  /** Sets all parameters that are given here, as a request does. */
  public B defaultRequestParameters(ChatRequestParameters value) {
    parameters.overrideWith(value);
    return self();
  }

  /** Sets the temperature. */
  public B temperature(Double value) {
    parameters.temperature(value);
    return self();
  }

  /** Sets how many of the most likely tokens are kept. */
  public B topK(Integer value) {
    parameters.topK(value);
    return self();
  }

  /** Sets the probability up to which the most likely tokens are kept. */
  public B topP(Double value) {
    parameters.topP(value);
    return self();
  }

  /** Sets what each occurrence of a token costs it. */
  public B frequencyPenalty(Double value) {
    parameters.frequencyPenalty(value);
    return self();
  }

  /** Sets what having occurred costs a token. */
  public B presencePenalty(Double value) {
    parameters.presencePenalty(value);
    return self();
  }

  /** Sets the greatest number of tokens of an answer. */
  public B maxOutputTokens(Integer value) {
    parameters.maxOutputTokens(value);
    return self();
  }

  /** Sets the texts before which an answer ends. */
  public B stopSequences(List<String> value) {
    parameters.stopSequences(value);
    return self();
  }

  /** Sets the tools that the model may call. */
  public B toolSpecifications(List<ToolSpecification> value) {
    parameters.toolSpecifications(value);
    return self();
  }

  /** Sets whether the model may call tools, must, or must not. */
  public B toolChoice(ToolChoice value) {
    parameters.toolChoice(value);
    return self();
  }

  /** Sets the form of answers. */
  public B responseFormat(ResponseFormat value) {
    parameters.responseFormat(value);
    return self();
  }

  /**
   * Sets how much the model thinks before it answers, such as {@code none} or {@code high}, as
   * {@link ChatFormat#reasoningEffort} has it. What it thinks is the {@code thinking} of its
   * message.
   */
  public B reasoningEffort(String value) {
    reasoningEffort = value;
    return self();
  }

  /** Sets when an answer ends at the latest, from its request on. */
  public B timeout(Duration value) {
    timeout = value;
    return self();
  }

  /** Sets who is told of requests and answers. */
  public B listeners(List<ChatModelListener> value) {
    listeners = List.copyOf(value);
    return self();
  }
}
