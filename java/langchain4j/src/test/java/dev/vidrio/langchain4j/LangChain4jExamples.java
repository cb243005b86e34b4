package dev.vidrio.langchain4j;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.vidrio.engine.Engine;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** The examples of the Javadoc. */
final class LangChain4jExamples {
  private LangChain4jExamples() {}

  static String chat(Path file) {
    // @start region="chat"
    try (VidrioChatModel model =
        VidrioChatModel.builder().modelPath(file).temperature(0.0).maxOutputTokens(100).build()) {
      return model.chat("What is the capital of Germany?");
    }
    // @end
  }

  static CompletableFuture<String> stream(Engine engine) {
    CompletableFuture<String> whole = new CompletableFuture<>();
    // @start region="stream"
    VidrioStreamingChatModel model = VidrioStreamingChatModel.builder().engine(engine).build();
    model.chat(
        "What is the capital of Germany?",
        new StreamingChatResponseHandler() {
          @Override
          public void onPartialResponse(String piece) {
            System.out.print(piece);
          }

          @Override
          public void onCompleteResponse(ChatResponse response) {
            whole.complete(response.aiMessage().text());
          }

          @Override
          public void onError(Throwable error) {
            whole.completeExceptionally(error);
          }
        });
    // @end
    return whole;
  }

  static Embedding embed(Model model) {
    // @start region="embed"
    try (VidrioEmbeddingModel embedding = VidrioEmbeddingModel.builder().model(model).build()) {
      return embedding.embed("What is the capital of Germany?").content();
    }
    // @end
  }

  static List<Double> score(Model model, List<TextSegment> found) {
    // @start region="score"
    try (VidrioScoringModel scoring = VidrioScoringModel.builder().model(model).build()) {
      return scoring.scoreAll(found, "What is the capital of Germany?").content();
    }
    // @end
  }
}
