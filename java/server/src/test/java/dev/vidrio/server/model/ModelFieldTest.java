package dev.vidrio.server.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Requests may omit {@code model} if a single one is served. */
class ModelFieldTest {
  private static final List<String> REQUESTS =
      List.of(
          "/v1/completions {'prompt':'x:','max_tokens':1}",
          "/v1/completions {'model':null,'prompt':'x:','max_tokens':1}",
          "/v1/completions {'model':'MODEL','prompt':'x:','max_tokens':1}",
          "/v1/chat/completions {'messages':[{'role':'user','content':'a'}],'max_tokens':1}",
          "/v1/responses {'input':'a','max_output_tokens':1}",
          "/v1/embeddings {'input':'a'}",
          "/tokenize {'text':'a'}",
          "/detokenize {'tokens':[1]}",
          "/v1/lens/model {}",
          "/v1/lens/logits {'prompt':'ab','top':1}");

  private static ModelSource parrot() {
    return new ModelSource("parrot", TestServer::parrot);
  }

  private static HttpResponse<String> post(TestServer server, String request, String model) {
    int space = request.indexOf(' ');
    return server.post(
        request.substring(0, space), request.substring(space + 1).replace("MODEL", model));
  }

  @Test
  void fillsInSingleModel() {
    try (TestServer server = TestServer.start(options -> options, parrot())) {
      for (String request : REQUESTS) {
        HttpResponse<String> response = post(server, request, "parrot");
        assertEquals(200, response.statusCode(), request + " " + response.body());
      }
      assertTrue(post(server, REQUESTS.getFirst(), "").body().contains("\"model\":\"parrot\""));
    }
  }

  @Test
  void listsNamesIfModelIsUnknown() {
    try (TestServer server = TestServer.start(options -> options, parrot())) {
      assertEquals(
          "404 model_not_found model model 'macaw' not found; available: parrot",
          TestServer.error(post(server, REQUESTS.get(2), "macaw")));
    }
  }

  @Test
  void requiresModelIfSeveralAreServed() {
    var bard = new ModelSource("bard", () -> Model.open(BardFiles.q8()));
    try (TestServer server = TestServer.start(options -> options, parrot(), bard)) {
      for (String request : REQUESTS) {
        if (!request.contains("MODEL")) {
          assertEquals(
              "400 missing_required_parameter model model: is required; available: parrot, bard",
              TestServer.error(post(server, request, "")));
        }
      }
    }
  }
}
