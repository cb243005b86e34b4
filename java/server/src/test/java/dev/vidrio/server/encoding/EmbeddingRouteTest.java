package dev.vidrio.server.encoding;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.evaluation.Matryoshka;
import dev.vidrio.server.ServerLimits;
import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;

/** The vectors of {@code /v1/embeddings} equal those of the model bit for bit. */
class EmbeddingRouteTest {
  private static final String PATH = "/v1/embeddings";

  @RegisterExtension static final TestServer server = TestServer.forAll();
  private static Model bard;

  @BeforeAll
  static void open() {
    bard = Model.open(BardFiles.q8());
  }

  @AfterAll
  static void close() {
    bard.close();
  }

  private static float[] expected(String text, Pooling pooling, boolean normalize) {
    List<int[]> texts = List.of(bard.tokenizer().encode(text));
    return Embeddings.of(bard, texts, pooling, normalize, done -> {}).getFirst();
  }

  private static float[] floats(JsonNode array) {
    var values = new float[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.path(i).floatValue();
    }
    return values;
  }

  @Test
  void embedsTexts() {
    JsonNode json = server.json(PATH, "{'model':'bard','input':['Romeo','Juliet']}");
    assertEquals("list", json.path("object").stringValue());
    assertEquals(2, json.path("data").size());
    JsonNode second = json.path("data").path(1);
    assertEquals(1, second.path("index").intValue());
    assertEquals("embedding", second.path("object").stringValue());
    assertArrayEquals(expected("Juliet", Pooling.MEAN, true), floats(second.path("embedding")));
    int tokens = bard.tokenizer().encode("Romeo").length + bard.tokenizer().encode("Juliet").length;
    assertEquals(tokens, json.path("usage").path("prompt_tokens").intValue());
  }

  @Test
  void cancelsAfterTimeout() {
    var limits =
        ServerLimits.DEFAULT
            .withRequestTime(Duration.ofMillis(1))
            .withHeartbeat(Duration.ofDays(1));
    try (TestServer hasty = TestServer.start(options -> options.withLimits(limits))) {
      String texts = "'" + "To be, or not to be. ".repeat(20) + "',";
      String body = "{'model':'bard','input':[" + texts.repeat(2000) + "'a']}";
      HttpResponse<String> late = hasty.post(PATH, body);
      assertEquals("503 unavailable - timeout: not finished after 0.001 s", TestServer.error(late));
    }
  }

  @Test
  void base64EqualsFloats() {
    JsonNode json =
        server.json(PATH, "{'model':'bard','input':'Romeo','encoding_format':'base64'}");
    byte[] bytes =
        Base64.getDecoder().decode(json.path("data").path(0).path("embedding").stringValue());
    var values = new float[bytes.length / 4];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    assertArrayEquals(expected("Romeo", Pooling.MEAN, true), values);
  }

  @Test
  void shortensVectors() {
    for (boolean normalize : new boolean[] {true, false}) {
      JsonNode json =
          server.json(
              PATH,
              "{'model':'bard','input':'Romeo','dimensions':5,'normalize':" + normalize + "}");
      float[] whole = expected("Romeo", Pooling.MEAN, normalize);
      assertArrayEquals(
          Matryoshka.shorten(whole, 5, normalize),
          floats(json.path("data").path(0).path("embedding")));
    }
  }

  @Test
  void supportsPoolingAndNormalization() {
    JsonNode json =
        server.json(PATH, "{'model':'bard','input':'Romeo','pooling':'last','normalize':false}");
    assertArrayEquals(
        expected("Romeo", Pooling.LAST, false),
        floats(json.path("data").path(0).path("embedding")));
  }
}
