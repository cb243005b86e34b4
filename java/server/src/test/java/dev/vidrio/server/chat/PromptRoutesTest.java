package dev.vidrio.server.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.ParrotModel;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.testserver.TestServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The routes that show prompts. */
class PromptRoutesTest {
  private static final String CHAT =
      "'model':'parrot','messages':[{'role':'user','content':'What is glass?'}]";

  @RegisterExtension static final TestServer server = TestServer.forAll();

  private static int prompt(JsonNode answer, String field) {
    return answer.path("usage").path(field).intValue();
  }

  @Test
  void countsTokensOfPrompts() {
    int chat = prompt(server.json("/v1/chat/completions", "{" + CHAT + "}"), "prompt_tokens");
    JsonNode counted = server.json("/v1/chat/completions/input_tokens", "{" + CHAT + "}");
    assertEquals(chat, counted.path("input_tokens").intValue());
    assertEquals("response.input_tokens", counted.path("object").stringValue());
    String response = "{'model':'parrot','input':'What is glass?'}";
    assertEquals(
        prompt(server.json("/v1/responses", response), "input_tokens"),
        server.json("/v1/responses/input_tokens", response).path("input_tokens").intValue());
  }

  @Test
  void rendersTemplate(@TempDir Path directory) throws IOException {
    String template =
        "{% for m in messages %}<{{ m.content }}>{% endfor %}"
            + "{% if add_generation_prompt %}:{% endif %}";
    Path file =
        ParrotModel.write(directory.resolve("a.gguf"), Map.of(':', List.of("Glass.")), template);
    try (TestServer own =
        TestServer.start(options -> options, new ModelSource("own", () -> Model.open(file)))) {
      String chat = "{'messages':[{'role':'user','content':'Glass?'}]";
      assertEquals(
          "<Glass?>:", own.json("/apply-template", chat + "}").path("prompt").stringValue());
      assertEquals(
          "<Glass?>",
          own.json("/apply-template", chat + ",'add_generation_prompt':false}")
              .path("prompt")
              .stringValue());
    }
  }

  @Test
  void namesArithmetic() {
    JsonNode chat = server.json("/v1/chat/completions", "{" + CHAT + "}");
    assertEquals("bits-1-int8-f16", chat.path("system_fingerprint").stringValue());
    for (JsonNode chunk : server.events("/v1/chat/completions", "{" + CHAT + ",'stream':true}")) {
      assertEquals("bits-1-int8-f16", chunk.path("system_fingerprint").stringValue());
    }
  }

  @Test
  void rejectsFieldsAsChatsDo() {
    assertEquals(
        "400 unknown_parameter color color: not supported",
        TestServer.error(server.post("/apply-template", "{" + CHAT + ",'color':1}")));
  }
}
