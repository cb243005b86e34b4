package dev.vidrio.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.engine.RerankingEngine.Ranked;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.document.Document;

class VidrioDocumentRerankerTest {
  private static final List<String> TEXTS = List.of("The moon", "The sun", "Rain");

  @TempDir private Path directory;

  @Test
  void ordersDocumentsByRelevance() throws IOException {
    List<Document> found =
        TEXTS.stream().map(text -> new Document(text, Map.of("from", text))).toList();
    try (Model model = Model.open(TinyModel.writeReranker(directory.resolve("tiny.gguf")));
        var engine = new RerankingEngine(model)) {
      List<Ranked> expected = engine.rerank("sun", TEXTS).best(2);
      List<Document> ranked = new VidrioDocumentReranker(engine, 2).rerank("sun", found);
      assertEquals(2, ranked.size());
      for (int i = 0; i < 2; i++) {
        Document original = found.get(expected.get(i).index());
        assertEquals(original.getId(), ranked.get(i).getId());
        assertEquals(original.getText(), ranked.get(i).getText());
        assertEquals(original.getMetadata(), ranked.get(i).getMetadata());
        assertEquals(expected.get(i).score(), ranked.get(i).getScore());
      }
      assertEquals(3, new VidrioDocumentReranker(engine).rerank("sun", found).size());
      assertEquals(List.of(), new VidrioDocumentReranker(engine).rerank("sun", List.of()));
      assertThrows(InvalidInputException.class, () -> new VidrioDocumentReranker(engine, 0));
    }
  }
}
