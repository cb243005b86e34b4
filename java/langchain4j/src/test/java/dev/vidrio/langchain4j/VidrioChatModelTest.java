package dev.vidrio.langchain4j;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelIT;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.List;

/** LangChain4j's conformance tests of {@link ChatModel}. */
class VidrioChatModelTest extends AbstractChatModelIT {
  private static final ChatModel MODEL = VidrioChatModel.builder().engine(Scripted.ENGINE).build();

  @Override
  protected List<ChatModel> models() {
    return List.of(MODEL);
  }

  @Override
  protected ChatModel createModelWith(ChatRequestParameters parameters) {
    return VidrioChatModel.builder()
        .engine(Scripted.ENGINE)
        .defaultRequestParameters(parameters)
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

  @Override
  protected boolean supportsSingleImageInputAsBase64EncodedString() {
    return false;
  }

  @Override
  protected boolean supportsSingleImageInputAsPublicURL() {
    return false;
  }
}
