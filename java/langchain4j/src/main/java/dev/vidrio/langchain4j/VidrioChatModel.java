package dev.vidrio.langchain4j;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.spi.ServiceHelper;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.langchain4j.spi.VidrioChatModelBuilderFactory;

/**
 * A chat model of this process:
 *
 * {@snippet file="LangChain4jExamples.java" region="chat"}
 *
 * <p>Any number of threads may chat at a time: their requests run in one batch. Closing the model
 * closes an engine that it has opened, and leaves one of the caller's open.
 */
public final class VidrioChatModel extends EngineChatModel implements ChatModel {
  private VidrioChatModel(Builder builder) {
    super(builder);
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
        Completion completion = stream.result();
        return engine.response(answer.reader().read(completion.result()), completion);
      }
    } catch (RuntimeException e) {
      throw Failures.explain(e);
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
    public VidrioChatModel build() {
      return new VidrioChatModel(this);
    }
  }
}
