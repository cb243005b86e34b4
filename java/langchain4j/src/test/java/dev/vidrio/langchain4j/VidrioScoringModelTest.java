package dev.vidrio.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.output.Response;
import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VidrioScoringModelTest {
  private static final List<String> DOCUMENTS = List.of("The moon", "The sun", "Rain");
  private static final String QUERY = "What is the capital of Germany?";

  @TempDir private Path directory;

  @Test
  void scoresEqualThoseOfTheEngine() throws IOException {
    Path file = TinyModel.writeReranker(directory.resolve("tiny.gguf"));
    List<TextSegment> segments = DOCUMENTS.stream().map(TextSegment::from).toList();
    try (Model model = Model.open(file);
        var engine = new RerankingEngine(model);
        var owning = VidrioScoringModel.builder().modelPath(file).build()) {
      RerankingEngine.Result expected = engine.rerank(QUERY, DOCUMENTS);
      Response<List<Double>> response = owning.scoreAll(segments, QUERY);
      assertEquals(expected.scores(), response.content());
      assertEquals(
          expected.tokens(), Objects.requireNonNull(response.tokenUsage()).inputTokenCount());
      assertEquals(expected.scores().get(1), owning.score("The sun", QUERY).content());
      assertEquals(expected.scores(), LangChain4jExamples.score(model, segments));
      TextSegment tooLong = TextSegment.from("x".repeat(3000));
      assertThrows(InvalidRequestException.class, () -> owning.score(tooLong, QUERY));
    }
  }

  @Test
  void rejectsInvalidSettings() {
    assertThrows(InvalidInputException.class, () -> VidrioScoringModel.builder().build());
    assertThrows(
        UnsupportedModelException.class,
        () -> VidrioScoringModel.builder().modelPath(BardFiles.q8()).build());
  }
}
