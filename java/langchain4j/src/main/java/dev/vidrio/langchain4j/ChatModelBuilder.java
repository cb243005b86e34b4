package dev.vidrio.langchain4j;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GenerationOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The options of both chat models. Exactly one of {@link #engine} and {@link #modelPath} is
 * required. A request's own parameters override those of the builder.
 *
 * @param <B> the type of the builder
 */
public abstract class ChatModelBuilder<B extends ChatModelBuilder<B>> {
  final DefaultChatRequestParameters.Builder<?> parameters = ChatRequestParameters.builder();
  @Nullable Engine engine;
  @Nullable Path modelPath;
  ModelOptions modelOptions = ModelOptions.DEFAULT;
  EngineOptions engineOptions = EngineOptions.DEFAULT;
  GenerationOptions generationOptions = GenerationOptions.DEFAULT;
  @Nullable String reasoningEffort;
  @Nullable Duration timeout;
  List<ChatModelListener> listeners = List.of();

  ChatModelBuilder() {}

  abstract B self();

  /** Sets a shared engine. The caller closes it; closing the model does not. */
  public B engine(Engine value) {
    engine = value;
    return self();
  }

  /** Sets the file of a model. The chat model opens an engine for it, and closes both. */
  public B modelPath(Path value) {
    modelPath = value;
    return self();
  }

  /** Sets the options with which {@link #modelPath} is opened. */
  public B modelOptions(ModelOptions value) {
    modelOptions = value;
    return self();
  }

  /** Sets the options of the engine that is opened for {@link #modelPath}. */
  public B engineOptions(EngineOptions value) {
    engineOptions = value;
    return self();
  }

  /** Sets the generation options, which the parameters below and those of requests override. */
  public B generationOptions(GenerationOptions value) {
    generationOptions = value;
    return self();
  }

  /** Sets the default parameters of requests. */
  public B defaultRequestParameters(ChatRequestParameters value) {
    parameters.overrideWith(value);
    return self();
  }

  /** Sets the temperature. */
  public B temperature(Double value) {
    parameters.temperature(value);
    return self();
  }

  /** Sets top-k: sampling among the k most likely tokens. */
  public B topK(Integer value) {
    parameters.topK(value);
    return self();
  }

  /** Sets top-p: sampling among the most likely tokens with a total probability of p. */
  public B topP(Double value) {
    parameters.topP(value);
    return self();
  }

  /** Sets the frequency penalty: subtracted from a token's logit for each of its occurrences. */
  public B frequencyPenalty(Double value) {
    parameters.frequencyPenalty(value);
    return self();
  }

  /** Sets the presence penalty: subtracted from the logits of tokens that have occurred. */
  public B presencePenalty(Double value) {
    parameters.presencePenalty(value);
    return self();
  }

  /** Sets the maximum number of tokens of an answer. */
  public B maxOutputTokens(Integer value) {
    parameters.maxOutputTokens(value);
    return self();
  }

  /** Sets the stop strings: an answer ends before the first of them. */
  public B stopSequences(List<String> value) {
    parameters.stopSequences(value);
    return self();
  }

  /** Sets the tools that the model may call. */
  public B toolSpecifications(List<ToolSpecification> value) {
    parameters.toolSpecifications(value);
    return self();
  }

  /** Sets whether the model may, must or must not call tools. */
  public B toolChoice(ToolChoice value) {
    parameters.toolChoice(value);
    return self();
  }

  /** Sets the format of answers, such as a JSON schema. */
  public B responseFormat(ResponseFormat value) {
    parameters.responseFormat(value);
    return self();
  }

  /**
   * Sets the reasoning effort, such as {@code none} or {@code high}, as for {@link
   * ChatFormat#reasoningEffort}. The reasoning is the message's {@code thinking}.
   */
  public B reasoningEffort(String value) {
    reasoningEffort = value;
    return self();
  }

  /** Sets the maximum duration of a request. */
  public B timeout(Duration value) {
    timeout = value;
    return self();
  }

  /** Sets the listeners of requests and answers. */
  public B listeners(List<ChatModelListener> value) {
    listeners = List.copyOf(value);
    return self();
  }
}
