package dev.vidrio.langchain4j;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import java.util.List;
import org.mockito.InOrder;

/** LangChain4j's conformance tests of {@link StreamingChatModel}. */
class VidrioStreamingChatModelTest extends AbstractStreamingChatModelIT {
  private static final StreamingChatModel MODEL =
      VidrioStreamingChatModel.builder().engine(Scripted.ENGINE).build();

  @Override
  protected List<StreamingChatModel> models() {
    return List.of(MODEL);
  }

  @Override
  protected StreamingChatModel createModelWith(ChatRequestParameters parameters) {
    return VidrioStreamingChatModel.builder()
        .engine(Scripted.ENGINE)
        .defaultRequestParameters(parameters)
        .build();
  }

  @Override
  public StreamingChatModel createModelWith(ChatModelListener listener) {
    return VidrioStreamingChatModel.builder()
        .engine(Scripted.ENGINE)
        .listeners(List.of(listener))
        .build();
  }

  @Override
  protected ChatRequestParameters createIntegrationSpecificParameters(int maxOutputTokens) {
    return createParameters(maxOutputTokens);
  }

  /** An engine has one model. */
  @Override
  protected boolean supportsModelNameParameter() {
    return false;
  }

  /** Its test waits 30 s for the rest of the answer, which must not come. */
  @Override
  protected boolean supportsStreamingCancellation() {
    return Boolean.getBoolean("vidrio.test.full");
  }

  /** Only complete calls are reported. */
  @Override
  protected boolean supportsPartialToolStreaming(StreamingChatModel model) {
    return false;
  }

  @Override
  protected void verifyToolCallbacks(StreamingChatResponseHandler handler, InOrder io, String id) {
    io.verify(handler).onCompleteToolCall(complete(0, id, "getWeather", "{\"city\":\"Munich\"}"));
  }

  @Override
  protected void verifyToolCallbacks(
      StreamingChatResponseHandler handler, InOrder io, String id1, String id2) {
    verifyToolCallbacks(handler, io, id1);
    io.verify(handler).onCompleteToolCall(complete(1, id2, "getTime", "{\"country\":\"France\"}"));
  }

  @Override
  protected boolean supportsSingleImageInputAsBase64EncodedString() {
    return false;
  }

  @Override
  protected boolean supportsSingleImageInputAsPublicURL() {
    return false;
  }
}
