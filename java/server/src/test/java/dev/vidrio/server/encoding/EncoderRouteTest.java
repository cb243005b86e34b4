package dev.vidrio.server.encoding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.LensOptions;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Matryoshka;
import dev.vidrio.model.testfiles.PromptedEncoder;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Serves an encoder, which has no logits. */
class EncoderRouteTest {
  private static final Path FILE =
      Path.of("../model/src/test/resources/dev/vidrio/model/encoder/modern-bert-first");

  private static TestServer server;

  @BeforeAll
  static void start() {
    server =
        TestServer.start(
            options -> options.withEngine(options.engine().withLens(LensOptions.STEERING)),
            new ModelSource("encoder", () -> Model.open(FILE)));
  }

  @AfterAll
  static void close() {
    server.close();
  }

  @Test
  void embedsWithThePoolingOfTheModel() {
    JsonNode json = server.json("/v1/embeddings", "{'input':[[3,4,5],[7]],'dimensions':5}");
    try (Model model = Model.open(FILE)) {
      List<float[]> expected =
          Embeddings.of(
              model,
              List.of(new int[] {3, 4, 5}, new int[] {7}),
              Embeddings.pooling(model),
              true,
              done -> {});
      for (int i = 0; i < 2; i++) {
        float[] shortened = Matryoshka.shorten(expected.get(i), 5, true);
        JsonNode actual = json.get("data").get(i).get("embedding");
        assertEquals(5, actual.size());
        for (int k = 0; k < 5; k++) {
          assertEquals(shortened[k], actual.get(k).floatValue());
        }
      }
    }
    JsonNode other =
        server.json("/v1/embeddings", "{'input':[3,4,5],'pooling':'max','dimensions':5}");
    assertTrue(!other.get("data").get(0).equals(json.get("data").get(0)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/v1/completions {'prompt':[3,4]}",
        "/v1/chat/completions {'messages':[{'role':'user','content':'a'}]}",
        "/v1/lens/logits {'prompt':'a'}",
        "/v1/lens/cache {'tokens':[3],'hooks':'*','steer':["
            + "{'hook':'blocks.0.hook_resid_post','strength':1,'plus':[[3]],'minus':[[4]]}]}",
      })
  void rejectsRequestsThatNeedLogits(String request) {
    String[] parts = request.split(" ", 2);
    assertEquals(
        "400 unsupported_parameter model model 'encoder': is an encoder; use /v1/embeddings or"
            + " /v1/rerank",
        TestServer.error(server.post(parts[0], parts[1])));
  }

  @Test
  void lensReadsAndChangesActivations() {
    JsonNode described = server.json("/v1/lens/model", "{}");
    assertFalse(described.get("steerable").booleanValue());
    JsonNode hooks = described.get("hooks");
    assertTrue(hooks.valueStream().anyMatch(name -> name.stringValue().equals("hook_embed")));
    String all = "{'tokens':[3,4,5],'hooks':'*','edits':['blocks.0.hook_attn_out zero']}";
    JsonNode cache = server.json("/v1/lens/cache", all).get("hooks");
    try (Model model = Model.open(FILE);
        ActivationCache expected =
            Lens.ofActivations(model)
                .run(
                    new int[] {3, 4, 5},
                    Capture.of("*"),
                    List.of(Intervention.zero(new HookPoint(HookSite.ATTN_OUT, 0))))) {
      assertEquals(expected.points().size(), cache.size());
      for (HookPoint point : expected.points()) {
        float[] values = expected.get(point).toArray();
        JsonNode actual = cache.get(point.name()).get("values");
        assertEquals(values.length, actual.size(), point.name());
        for (int i = 0; i < values.length; i++) {
          if (Float.isFinite(values[i])) {
            assertEquals(values[i], actual.get(i).floatValue(), point.name());
          }
        }
      }
    }
  }

  @Test
  void rejectsRerankingWithOtherClassifiers() {
    String error = TestServer.error(server.post("/v1/rerank", "{'query':'a','documents':['b']}"));
    assertTrue(
        error.startsWith(
            "400 unsupported_parameter model model 'encoder': reranking with an encoder of 2"
                + " classes is not supported: supported: encoders with a classifier"),
        error);
  }

  @Test
  void promptPrecedesTexts(@TempDir Path directory) throws IOException {
    Path file = PromptedEncoder.write(directory);
    try (TestServer prompted =
        TestServer.start(options -> options, new ModelSource("prompted", () -> Model.open(file)))) {
      JsonNode named =
          prompted.json("/v1/embeddings", "{'input':['abc','d'],'prompt_name':'query'}");
      JsonNode whole = prompted.json("/v1/embeddings", "{'input':['q: abc','q: d']}");
      assertEquals(whole, named);
      assertEquals(
          "400 invalid_value prompt_name prompt_name passage: not found; available: query",
          TestServer.error(
              prompted.post("/v1/embeddings", "{'input':'a','prompt_name':'passage'}")));
      String error =
          TestServer.error(prompted.post("/v1/embeddings", "{'input':[5],'prompt_name':'query'}"));
      assertTrue(error.startsWith("400 ") && error.contains("prompt_name"), error);
    }
  }
}
