package dev.vidrio.engine;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.template.ChatMessage;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** The examples of the Javadoc; {@link DocumentationTest} runs them. */
final class EngineExamples {
  private EngineExamples() {}

  static String submit(Path file) {
    // @start region="submit"
    try (Model model = Model.open(file);
        Engine engine = Engine.open(model)) {
      int[] prompt = model.tokenizer().encode("To be, or not to be");
      GenerationRequest request =
          GenerationRequest.builder(prompt)
              .options(GenerationOptions.DEFAULT.withTokens(40))
              .build();
      return engine.submit(request).result().text();
    }
    // @end
  }

  static CompletableFuture<Completion> stream(Engine engine, GenerationRequest request) {
    // @start region="stream"
    try (TokenStream stream = engine.submit(request)) {
      for (GeneratedToken token : stream) {
        System.out.print(token.text());
      }
    }
    return engine.submit(request).onToken(token -> System.out.print(token.text()));
    // @end
  }

  static Completion chat(Engine engine) {
    // @start region="chat"
    ChatFormat format = engine.model().chatFormat().orElseThrow(); // none: not made for chat
    int[] prompt = format.encode(List.of(ChatMessage.user("What is glass?")));
    return engine.submit(GenerationRequest.builder(prompt).build()).result();
    // @end
  }

  static void rerank(Model model, String query, List<String> documents, PrintStream out) {
    // @start region="rerank"
    try (var engine = new RerankingEngine(model)) {
      for (RerankingEngine.Ranked best : engine.rerank(query, documents).best(3)) {
        out.println(best.score() + " " + documents.get(best.index()));
      }
    }
    // @end
  }
}
