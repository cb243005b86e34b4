package dev.vidrio.server.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.testserver.TestServer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversations that the model's chat template rejects with an exception. */
class RejectedMessagesTest {
  private static final String MESSAGES =
      "'messages':[{'role':'tool','tool_call_id':'1','content':'a'}]";

  private static final String WHY = ": rejected by the model's chat template: role tool";

  @TempDir private Path directory;

  @Test
  void namesTheFieldButNoFile() throws Exception {
    Path file = TinyModel.writeChat(directory.resolve("tiny.gguf"));
    try (TestServer server =
        TestServer.start(options -> options, new ModelSource("tiny", () -> Model.open(file)))) {
      for (String path : new String[] {"/v1/chat/completions", "/v1/lens/logits"}) {
        assertEquals(
            "400 invalid_value messages messages" + WHY,
            TestServer.error(server.post(path, "{'model':'tiny'," + MESSAGES + "}")));
      }
      assertEquals(
          "400 invalid_value input input" + WHY,
          TestServer.error(
              server.post(
                  "/v1/responses",
                  "{'model':'tiny','input':[{'type':'function_call_output','call_id':'1',"
                      + "'output':'a'}]}")));
    }
  }
}
