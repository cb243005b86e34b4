package dev.vidrio.langchain4j;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import java.util.List;

/** LangChain4j's conformance tests of listeners. */
class VidrioChatModelListenerTest extends AbstractChatModelListenerIT {
  @Override
  protected ChatModel createModel(ChatModelListener listener) {
    return builder(listener).engine(Scripted.ENGINE).build();
  }

  @Override
  protected ChatModel createFailingModel(ChatModelListener listener) {
    return builder(listener).engine(Scripted.closed()).build();
  }

  private VidrioChatModel.Builder builder(ChatModelListener listener) {
    return VidrioChatModel.builder()
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
