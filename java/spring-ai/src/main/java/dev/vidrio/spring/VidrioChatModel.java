package dev.vidrio.spring;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineException;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.template.ChatMessage;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.contextpropagation.ObservationThreadLocalAccessor;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.MessageAggregator;
import org.springframework.ai.chat.observation.ChatModelObservationContext;
import org.springframework.ai.chat.observation.ChatModelObservationDocumentation;
import org.springframework.ai.chat.observation.DefaultChatModelObservationConvention;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import reactor.adapter.JdkFlowAdapter;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Spring AI's {@link ChatModel} on a Vidrio engine in this process.
 *
 * {@snippet file="SpringExamples.java" region="chat"}
 *
 * <p>Thread-safe: concurrent requests run in one batch. Canceling a stream ends its request before
 * the engine's next step. Tool calls are in the last response; {@code ChatClient} or the caller
 * runs the tools. Reasoning is in the message's metadata as {@code reasoningContent}, in a stream
 * piece by piece. The caller closes the engine.
 *
 * <p>With Spring Boot, {@link dev.vidrio.spring.autoconfigure.VidrioAutoConfiguration} creates the
 * model. See {@code docs/ecosystem.md}.
 *
 * @see VidrioChatOptions
 */
public final class VidrioChatModel implements ChatModel {
  static final String PROVIDER = "vidrio";

  private static final DefaultChatModelObservationConvention CONVENTION =
      new DefaultChatModelObservationConvention();

  private final ChatRequests requests;
  private final ObservationRegistry observations;

  /** Creates a chat model without observations. */
  public VidrioChatModel(Engine engine, GenerationOptions generation) {
    this(engine, generation, ObservationRegistry.NOOP);
  }

  /**
   * Creates a chat model.
   *
   * @param generation the default generation options, which those of a prompt override
   * @param observations observes requests, with OpenTelemetry's names
   * @throws InvalidInputException if the engine's model has no chat template
   */
  public VidrioChatModel(
      Engine engine, GenerationOptions generation, ObservationRegistry observations) {
    this.requests = new ChatRequests(engine, generation);
    this.observations = observations;
  }

  /**
   * Answers a prompt.
   *
   * @throws InvalidInputException if the prompt or its options do not fit the model, or the model
   *     does not support tools
   * @throws EngineException if the engine rejects the request, or fails
   * @throws CancellationException if the engine is closed before the end of the answer
   */
  @Override
  public ChatResponse call(Prompt prompt) {
    Prompt complete = complete(prompt);
    ChatModelObservationContext context =
        ChatModelObservationContext.builder().prompt(complete).provider(PROVIDER).build();
    return ChatModelObservationDocumentation.CHAT_MODEL_OPERATION
        .observation(null, CONVENTION, () -> context, observations)
        .observe(
            () -> {
              ChatRequests.Running running = requests.submit(complete);
              try (TokenStream stream = running.stream()) {
                ChatMessage message = running.answer().read(stream.result().result());
                ChatResponse response =
                    requests.last(
                        running,
                        new ChatRequests.Piece(
                            Objects.requireNonNullElse(message.content(), ""),
                            Objects.requireNonNullElse(message.reasoning(), "")));
                context.setResponse(response);
                return response;
              }
            });
  }

  @Override
  public Flux<ChatResponse> stream(Prompt prompt) {
    Prompt complete = complete(prompt);
    return Flux.deferContextual(
        view -> {
          ChatModelObservationContext context =
              ChatModelObservationContext.builder()
                  .prompt(complete)
                  .provider(PROVIDER)
                  .streaming(true)
                  .build();
          Observation observation =
              ChatModelObservationDocumentation.CHAT_MODEL_OPERATION.observation(
                  null, CONVENTION, () -> context, observations);
          Observation parent = view.getOrDefault(ObservationThreadLocalAccessor.KEY, null);
          observation.parentObservation(parent).start();
          Flux<ChatResponse> responses =
              responses(complete)
                  .doOnError(observation::error)
                  .doFinally(signal -> observation.stop())
                  .contextWrite(
                      outer -> outer.put(ObservationThreadLocalAccessor.KEY, observation));
          return new MessageAggregator().aggregate(responses, context::setResponse);
        });
  }

  private Flux<ChatResponse> responses(Prompt prompt) {
    return Flux.defer(
        () -> {
          ChatRequests.Running running = requests.submit(prompt);
          ChatAnswer answer = running.answer();
          return JdkFlowAdapter.flowPublisherToFlux(running.stream())
              .map(token -> piece(answer, answer.accept(token)))
              .filter(piece -> !piece.isEmpty())
              .map(requests::response)
              .concatWith(
                  Mono.fromSupplier(
                      () ->
                          requests.last(running, piece(answer, answer.finish(running.finish())))));
        });
  }

  private static ChatRequests.Piece piece(ChatAnswer answer, String text) {
    return new ChatRequests.Piece(text, answer.reasoning());
  }

  private Prompt complete(Prompt prompt) {
    return prompt.getOptions() == null ? prompt.mutate().chatOptions(getOptions()).build() : prompt;
  }

  @Override
  public ChatOptions getOptions() {
    return requests.defaults();
  }
}
