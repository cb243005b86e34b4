package dev.vidrio.server.encoding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.engine.RerankingEngine.Ranked;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The scores of the route equal those of {@link RerankingEngine}. */
class RerankRouteTest {
  private static final List<String> DOCUMENTS = List.of("The moon", "The sun", "Rain", "A star");
  private static final String ARRAY = "['The moon','The sun',{'text':'Rain'},'A star']";

  @TempDir private static Path directory;
  private static TestServer server;
  private static RerankingEngine.Result expected;

  @BeforeAll
  static void start() throws IOException {
    Path file = TinyModel.writeReranker(directory.resolve("tiny.gguf"));
    try (Model model = Model.open(file);
        RerankingEngine engine = new RerankingEngine(model)) {
      expected = engine.rerank("sun", DOCUMENTS);
    }
    server = TestServer.start(options -> options, new ModelSource("tiny", () -> Model.open(file)));
  }

  @AfterAll
  static void close() {
    server.close();
  }

  private static JsonNode rerank(String path, String fields) {
    return server.json(path, "{'query':'sun'," + fields + "}");
  }

  private static void check(List<Ranked> best, JsonNode results, String score) {
    assertEquals(best.size(), results.size());
    for (int i = 0; i < best.size(); i++) {
      assertEquals(best.get(i).index(), results.get(i).get("index").intValue());
      assertEquals(best.get(i).score(), results.get(i).get(score).doubleValue());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/v1/rerank", "/v2/rerank", "/rerank", "/v1/reranking", "/reranking"})
  void ranksDocuments(String path) {
    JsonNode json = rerank(path, "'model':'tiny','documents':" + ARRAY);
    assertEquals("list", json.get("object").stringValue());
    assertEquals("tiny", json.get("model").stringValue());
    check(expected.best(4), json.get("results"), "relevance_score");
    assertFalse(json.get("results").get(0).has("document"));
    assertEquals(expected.tokens(), json.get("usage").get("prompt_tokens").intValue());
    assertEquals(expected.tokens(), json.get("usage").get("total_tokens").intValue());
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "2, 2", "4, 4", "99, 4"})
  void limitsResults(int most, int count) {
    JsonNode json = rerank("/v1/rerank", "'documents':" + ARRAY + ",'top_n':" + most);
    check(expected.best(count), json.get("results"), "relevance_score");
  }

  @Test
  void returnsDocuments() {
    JsonNode json = rerank("/v1/rerank", "'documents':" + ARRAY + ",'return_documents':true");
    for (JsonNode result : json.get("results")) {
      assertEquals(
          DOCUMENTS.get(result.get("index").intValue()),
          result.get("document").get("text").stringValue());
    }
  }

  @Test
  void answersInTheShapeOfTextEmbeddingsInference() {
    String texts = "'texts':['The moon','The sun','Rain','A star']";
    check(expected.best(4), rerank("/rerank", texts), "score");
    JsonNode two = rerank("/rerank", texts + ",'return_text':true,'top_n':2");
    check(expected.best(2), two, "score");
    assertEquals(
        DOCUMENTS.get(two.get(0).get("index").intValue()), two.get(0).get("text").stringValue());
  }

  @Test
  void followsInstructions() {
    JsonNode json = rerank("/v1/rerank", "'documents':['Rain'],'instruction':'Find rain'");
    double score = json.get("results").get(0).get("relevance_score").doubleValue();
    assertTrue(score != expected.scores().get(2));
  }

  @Test
  void cutsDocumentsIfRequested() {
    String longText = "x".repeat(3000);
    String fields = "'documents':['a','" + longText + "']";
    assertTrue(
        TestServer.error(server.post("/v1/rerank", "{'query':'sun'," + fields + "}"))
            .matches("400 context_length_exceeded documents\\[1\\] .*maximum context length is .*"),
        fields);
    assertEquals(2, rerank("/v1/rerank", fields + ",'truncation':true").get("results").size());
    JsonNode cut = rerank("/v1/rerank", fields + ",'max_tokens_per_doc':10");
    JsonNode same = rerank("/v1/rerank", "'documents':['a','" + "x".repeat(10) + "']");
    assertEquals(same.get("results"), cut.get("results"));
  }

  @Test
  void scoresDoNotDependOnOtherDocuments() {
    IntStream.range(0, DOCUMENTS.size())
        .forEach(
            i -> {
              JsonNode json = rerank("/v1/rerank", "'documents':['" + DOCUMENTS.get(i) + "']");
              check(
                  List.of(new Ranked(0, expected.scores().get(i))),
                  json.get("results"),
                  "relevance_score");
            });
  }
}
