package dev.vidrio.langchain4j;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import java.util.List;

/** LangChain4j's conformance tests of listeners. */
class VidrioStreamingChatModelListenerTest extends AbstractStreamingChatModelListenerIT {
  @Override
  protected StreamingChatModel createModel(ChatModelListener listener) {
    return builder(listener).engine(Scripted.ENGINE).build();
  }

  @Override
  protected StreamingChatModel createFailingModel(ChatModelListener listener) {
    return builder(listener).engine(Scripted.closed()).build();
  }

  private VidrioStreamingChatModel.Builder builder(ChatModelListener listener) {
    return VidrioStreamingChatModel.builder()
        .temperature(temperature())
        .topP(topP())
        .maxOutputTokens(maxTokens())
        .listeners(List.of(listener));
  }

  @Override
  protected String modelName() {
    return Scripted.name();
  }

  @Override
  protected Class<? extends Exception> expectedExceptionClass() {
    return NonRetriableException.class;
  }
}
