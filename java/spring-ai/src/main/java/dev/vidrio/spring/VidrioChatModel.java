package dev.vidrio.spring;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineException;
import dev.vidrio.engine.generation.GeneratedToken;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.ChatAnswer;
import dev.vidrio.model.GenerationOptions;
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
 * A chat model of this process:
 *
 * {@snippet file="SpringExamples.java" region="chat"}
 *
 * <p>What the model thinks before it answers is in the message's metadata as {@code
 * reasoningContent}, in a stream piece by piece. Any number of threads may chat at a time: their
 * requests run in one batch. Canceling a stream frees its place before the next step. Calls of
 * tools are in the last response, for {@code ChatClient} or the caller to run. The engine is the
 * caller's.
 */
public final class VidrioChatModel implements ChatModel {
  static final String PROVIDER = "vidrio";

  private static final DefaultChatModelObservationConvention CONVENTION =
      new DefaultChatModelObservationConvention();

  private final ChatRequests requests;
  private final ObservationRegistry observations;

  /** A chat model without observations. */
  public VidrioChatModel(Engine engine, GenerationOptions generation) {
    this(engine, generation, ObservationRegistry.NOOP);
  }

  /**
   * A chat model.
   *
   * @param generation how answers are generated where a prompt's options do not say it
   * @param observations is told of calls, under OpenTelemetry's names
   * @throws InvalidInputException when the engine's model is not made for chat
   */
  public VidrioChatModel(
      Engine engine, GenerationOptions generation, ObservationRegistry observations) {
    this.requests = new ChatRequests(engine, generation);
    this.observations = observations;
  }

  /**
   * Answers a prompt.
   *
   * @throws InvalidInputException when the prompt or its options do not fit the model
   * @throws EngineException when the engine refuses the request, or fails
   * @throws CancellationException when the engine is closed before the answer's end
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
                for (GeneratedToken token : stream) {
                  var _ = running.answer().accept(token.id(), token.text());
                }
                var _ = running.answer().finish(running.finish());
                ChatMessage message = running.answer().message();
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
              .map(token -> piece(answer, answer.accept(token.id(), token.text())))
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
