package dev.vidrio.langchain4j;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.spi.ServiceHelper;
import dev.vidrio.langchain4j.spi.VidrioStreamingChatModelBuilderFactory;

/**
 * A chat model of this process whose answers come piece by piece:
 *
 * {@snippet file="LangChain4jExamples.java" region="stream"}
 *
 * <p>A handler is called by one virtual thread for each answer; canceling through its handle frees
 * the answer's place before the next step. Calls of tools come when the answer is complete. Closing
 * the model closes an engine that it has opened, and leaves one of the caller's open.
 */
public final class VidrioStreamingChatModel extends EngineChatModel implements StreamingChatModel {
  private VidrioStreamingChatModel(Builder builder) {
    super(builder);
  }

  /** A builder, of the first {@link VidrioStreamingChatModelBuilderFactory} if there is one. */
  public static Builder builder() {
    return ServiceHelper.loadFactories(VidrioStreamingChatModelBuilderFactory.class).stream()
        .findFirst()
        .map(VidrioStreamingChatModelBuilderFactory::get)
        .orElseGet(Builder::new);
  }

  /**
   * @throws UnsupportedFeatureException when the request asks for what there is not; the handler
   *     hears of all other failures
   */
  @Override
  public void doChat(ChatRequest request, StreamingChatResponseHandler handler) {
    try {
      var _ =
          Thread.ofVirtual()
              .name("vidrio-chat")
              .start(new StreamedAnswer(engine, engine.submit(request), handler));
    } catch (UnsupportedFeatureException e) {
      throw e;
    } catch (RuntimeException e) {
      handler.onError(Failures.explain(e));
    }
  }

  /** Collects options. */
  public static class Builder extends ChatModelBuilder<Builder> {
    /** A builder without an engine. */
    public Builder() {}

    @Override
    Builder self() {
      return this;
    }

    /** The model. */
    public VidrioStreamingChatModel build() {
      return new VidrioStreamingChatModel(this);
    }
  }
}
