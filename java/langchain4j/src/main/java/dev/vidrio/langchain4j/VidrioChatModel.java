package dev.vidrio.langchain4j;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.spi.ServiceHelper;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.langchain4j.spi.VidrioChatModelBuilderFactory;

/**
 * LangChain4j's {@link ChatModel} on a Vidrio engine in this process.
 *
 * {@snippet file="LangChain4jExamples.java" region="chat"}
 *
 * <p>Thread-safe: concurrent requests run in one batch. A request blocks its thread until the
 * answer is complete. Tool calls, JSON schemas and reasoning ({@code thinking}) are supported.
 *
 * <p>Failures are LangChain4j's exceptions: {@code InvalidRequestException} if the model rejects
 * the request, {@code UnsupportedFeatureException} for features that are not supported, such as
 * tools of a model with calls that cannot be parsed, {@code RateLimitException} if the queue is
 * full, {@code TimeoutException} after the time limit.
 *
 * <p>See {@code docs/ecosystem.md}.
 *
 * @see VidrioStreamingChatModel
 */
public final class VidrioChatModel extends EngineChatModel implements ChatModel {
  private VidrioChatModel(Builder builder) {
    super(builder);
  }

  /** Returns a builder, from the first {@link VidrioChatModelBuilderFactory} if there is one. */
  public static Builder builder() {
    return ServiceHelper.loadFactories(VidrioChatModelBuilderFactory.class).stream()
        .findFirst()
        .map(VidrioChatModelBuilderFactory::get)
        .orElseGet(Builder::new);
  }

  @Override
  public ChatResponse doChat(ChatRequest request) {
    try {
      Answer answer = submit(request);
      try (var stream = answer.stream()) {
        Completion completion = stream.result();
        return response(answer.reader().read(completion.result()), completion);
      }
    } catch (RuntimeException e) {
      throw ExceptionMapper.map(e);
    }
  }

  /** A builder of chat models. */
  public static class Builder extends ChatModelBuilder<Builder> {
    /** Creates a builder. */
    public Builder() {}

    @Override
    Builder self() {
      return this;
    }

    /**
     * Builds the model, and opens its engine if {@link #modelPath} is set.
     *
     * @throws dev.vidrio.error.ModelException if the model cannot be opened, has no chat template,
     *     or an option is invalid
     */
    public VidrioChatModel build() {
      return new VidrioChatModel(this);
    }
  }
}
