package dev.vidrio.langchain4j;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.spi.ServiceHelper;
import dev.vidrio.langchain4j.spi.VidrioStreamingChatModelBuilderFactory;

/**
 * LangChain4j's {@link StreamingChatModel} on a Vidrio engine in this process.
 *
 * {@snippet file="LangChain4jExamples.java" region="stream"}
 *
 * <p>Thread-safe: concurrent requests run in one batch. The handler of each answer is called by a
 * virtual thread of its own. Canceling through its handle ends the request before the engine's next
 * step. Tool calls are reported when the answer is complete.
 *
 * <p>See {@code docs/ecosystem.md}.
 *
 * @see VidrioChatModel
 */
public final class VidrioStreamingChatModel extends EngineChatModel implements StreamingChatModel {
  private VidrioStreamingChatModel(Builder builder) {
    super(builder);
  }

  /**
   * Returns a builder, from the first {@link VidrioStreamingChatModelBuilderFactory} if there is
   * one.
   */
  public static Builder builder() {
    return ServiceHelper.loadFactories(VidrioStreamingChatModelBuilderFactory.class).stream()
        .findFirst()
        .map(VidrioStreamingChatModelBuilderFactory::get)
        .orElseGet(Builder::new);
  }

  /**
   * Submits a request.
   *
   * @throws UnsupportedFeatureException if the request needs a feature that is not supported; the
   *     handler receives all other failures
   */
  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    try {
      var _ =
          Thread.ofVirtual()
              .name("vidrio-chat")
              .start(new StreamedAnswer(this, submit(request), handler));
    } catch (UnsupportedFeatureException e) {
      throw e;
    } catch (RuntimeException e) {
      handler.onError(ExceptionMapper.map(e));
    }
  }

  /** A builder of streaming chat models. */
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
    public VidrioStreamingChatModel build() {
      return new VidrioStreamingChatModel(this);
    }
  }
}
