package dev.vidrio.langchain4j;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.spi.ServiceHelper;
import dev.vidrio.engine.ChatAnswer;
import dev.vidrio.langchain4j.spi.VidrioChatModelBuilderFactory;
import dev.vidrio.model.template.ChatMessage;
import java.util.List;

/**
 * A chat model of this process:
 *
 * {@snippet file="LangChain4jExamples.java" region="chat"}
 *
 * <p>Any number of threads may chat at a time: their requests run in one batch. Closing the model
 * closes an engine that it has opened, and leaves one of the caller's open.
 */
public final class VidrioChatModel implements ChatModel, AutoCloseable {
  private final ChatEngine engine;

  private VidrioChatModel(Builder builder) {
    this.engine = new ChatEngine(builder);
  }

  /** A builder, of the first {@link VidrioChatModelBuilderFactory} if there is one. */
  public static Builder builder() {
    return ServiceHelper.loadFactories(VidrioChatModelBuilderFactory.class).stream()
        .findFirst()
        .map(VidrioChatModelBuilderFactory::get)
        .orElseGet(Builder::new);
  }

  @Override
  public ChatResponse doChat(ChatRequest request) {
    try {
      ChatEngine.Answer answer = engine.submit(request);
      try (var stream = answer.stream()) {
        ChatMessage message = ChatAnswer.message(engine.tokenizer(), stream, answer.tools());
        return engine.response(message, stream.result());
      }
    } catch (RuntimeException e) {
      throw Failures.explain(e);
    }
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return engine.defaults();
  }

  @Override
  public List<ChatModelListener> listeners() {
    return engine.listeners();
  }

  /** Closes the engine if it is the model's own; requests that run are canceled. */
  @Override
  public void close() {
    engine.close();
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
    public VidrioChatModel build() {
      return new VidrioChatModel(this);
    }
  }
}
