package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.metrics.RequestMetrics;
import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Health, readiness, models, metrics and tokenization. */
class StatusRoutesTest {
  @RegisterExtension static final TestServer server = TestServer.forAll();

  @Test
  void reportsHealthAndReadiness() {
    assertEquals("{\"status\":\"ok\"}", server.get("/health").body());
    assertEquals("{\"status\":\"ready\"}", server.get("/ready").body());
    HttpResponse<String> head =
        server.send(server.request("/health").method("HEAD", BodyPublishers.noBody()).build());
    assertEquals(200, head.statusCode());
    assertEquals("", head.body());
  }

  @Test
  void listsModels() {
    JsonNode list = JsonMapper.shared().readTree(server.get("/v1/models").body());
    assertEquals("list", list.path("object").stringValue());
    assertEquals("parrot", list.path("data").path(0).path("id").stringValue());
    assertEquals("model", list.path("data").path(0).path("object").stringValue());
    assertTrue(list.path("data").path(0).path("loaded").booleanValue());
    JsonNode one = JsonMapper.shared().readTree(server.get("/v1/models/bard").body());
    assertEquals("bard", one.path("id").stringValue());
    assertTrue(
        TestServer.error(server.get("/v1/models/x%2Fy"))
            .startsWith("404 model_not_found model model 'x/y'"));
    assertTrue(TestServer.error(server.get("/v1/models/")).startsWith("404 not_found"));
  }

  @Test
  @Timeout(60)
  void exposesPrometheusMetrics() {
    server.json("/v1/completions", "{'model':'parrot','prompt':'x:','max_tokens':3}");
    HttpResponse<String> response = server.get("/metrics");
    // A request is counted after its response, which the client may receive earlier.
    while (!response.body().contains("uri=\"/v1/completions\"")) {
      response = server.get("/metrics");
    }
    assertEquals(
        RequestMetrics.CONTENT_TYPE, response.headers().firstValue("content-type").orElse(""));
    String text = response.body();
    for (String line :
        new String[] {
          "http_server_requests_seconds_count{method=\"POST\",status=\"200\",uri=\"/v1/completions\"}",
          "gen_ai_server_time_to_first_token_seconds_bucket{gen_ai_operation_name=\"text_completion\","
              + "gen_ai_provider_name=\"vidrio\",gen_ai_request_model=\"parrot\",le=\"+Inf\"}",
          "vidrio_requests_running{gen_ai_request_model=\"parrot\"} 0.0",
          "vidrio_kv_usage{gen_ai_request_model=\"parrot\"} 0.0",
        }) {
      assertTrue(text.contains("\n" + line), line + " in:\n" + text);
    }
  }

  @Test
  void tokenizesAndDetokenizes() {
    JsonNode json =
        server.json(
            "/tokenize", "{'model':'parrot','text':'on the','pieces':true,'add_special':false}");
    assertEquals(2, json.path("count").intValue());
    assertEquals("[\"on\",\" the\"]", json.path("pieces").toString());
    String ids = Arrays.toString(TestServer.parrotIds("on the"));
    assertEquals(ids.replace(" ", ""), json.path("tokens").toString());
    JsonNode back =
        server.json("/detokenize", "{'model':'parrot','pieces':true,'tokens':" + ids + "}");
    assertEquals("on the", back.path("text").stringValue());
    assertEquals(json.path("pieces"), back.path("pieces"));
    assertEquals(
        3, server.json("/tokenize", "{'model':'parrot','text':'on the'}").path("count").intValue());
  }
}
