package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineException;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.decode.sae.explain.ChatModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.List;
import java.util.Objects;

/**
 * A chat model in this process. The engine keeps the beginnings of prompts, so that instructions
 * and solved examples, which all prompts of a kind share, run once.
 */
final class EngineChat implements ChatModel, AutoCloseable {
  /** Sequences that the cache holds: one of each kind of prompt, and the running one. */
  private static final int SEQUENCES = 4;

  private static final GenerationOptions OPTIONS =
      GenerationOptions.DEFAULT.withTokens(MAX_TOKENS).withSampling(SamplingOptions.GREEDY);

  private final ChatFormat format;
  private final Tokenizer tokenizer;
  private final Engine engine;

  /**
   * Opens an engine.
   *
   * @param model belongs to the caller and must stay open
   * @param options the context, and the types of the cache and of products
   * @throws InvalidInputException if the model has no chat template, or the options do not fit it
   */
  EngineChat(Model model, EngineOptions options) {
    this.format =
        model
            .chatFormat()
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "model", model.name(), "has no chat template, and cannot explain"));
    this.tokenizer = model.tokenizer();
    this.engine = Engine.open(model, options.withSequences(SEQUENCES));
  }

  @Override
  public String answer(List<ChatMessage> messages) throws IOException {
    return answer(messages, -1).text();
  }

  @Override
  public Answer answerWithTokens(List<ChatMessage> messages) throws IOException {
    return answer(messages, CHOICES);
  }

  /**
   * Returns an answer.
   *
   * @param choices likeliest tokens at each position; −1 for an answer without tokens
   */
  private Answer answer(List<ChatMessage> messages, int choices) throws IOException {
    int[] prompt = format.encode(messages);
    if (prompt.length > engine.positions()) {
      throw tooLong(prompt, "");
    }
    Completion completion = generate(prompt, choices);
    GenerationResult result = completion.result();
    if (result.finish() == FinishReason.CONTEXT) {
      throw tooLong(prompt, " and an answer of more than " + result.tokens().size());
    }
    ChatMessage message = format.newAnswer(prompt, List.of()).read(result);
    return new Answer(
        Objects.requireNonNullElse(message.content(), ""),
        completion.tokens().stream().map(this::token).toList());
  }

  private Token token(TokenLogProbability token) {
    return new Token(
        tokenizer.piece(token.token()),
        token.top().stream()
            .map(choice -> new Choice(tokenizer.piece(choice.token()), choice.logProbability()))
            .toList());
  }

  private Completion generate(int[] prompt, int choices) throws IOException {
    try {
      return engine
          .submit(
              GenerationRequest.builder(prompt).options(OPTIONS).logProbabilities(choices).build())
          .result();
    } catch (EngineException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private IOException tooLong(int[] prompt, String more) {
    return new IOException(
        "prompt: %d tokens%s: the context has %d positions (-c)"
            .formatted(prompt.length, more, engine.positions()));
  }

  /** Closes the engine. */
  @Override
  public void close() {
    engine.close();
  }
}
