package dev.vidrio.server.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.testserver.TestServer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code edits} of lens requests. */
class LensEditsTest {
  private static final String TEXT = "{'model':'bard','prompt':'The king'";

  @RegisterExtension static final TestServer server = TestServer.forAll();

  private static JsonNode cache(String more) {
    return server.json("/v1/lens/cache", TEXT + ",'hooks':'blocks.2.attn.hook_z'" + more + "}");
  }

  @Test
  void zeroedHead_isZeroAtAllTokens() {
    JsonNode shape = cache("").at("/hooks/blocks.2.attn.hook_z/shape");
    JsonNode values =
        cache(",'edits':['blocks.2.attn.hook_z[:, 1] zero']")
            .at("/hooks/blocks.2.attn.hook_z/values");
    int heads = shape.get(1).intValue();
    int width = shape.get(2).intValue();
    for (int i = 0; i < values.size(); i++) {
      assertEquals(i / width % heads == 1, values.get(i).doubleValue() == 0, "element " + i);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"logits", "attention", "attribution"})
  void edit_changesLaterLayers_unlessItChangesNothing(String route) {
    String path = "/v1/lens/" + route;
    JsonNode plain = server.json(path, TEXT + "}");
    String edit = TEXT + ",'edits':['blocks.0.hook_mlp_out scale ";
    assertEquals(plain, server.json(path, edit + "1']}"));
    assertNotEquals(plain, server.json(path, edit + "0.5']}"));
    if (route.equals("attribution")) {
      return; // a patched activation is a constant, which has no gradient
    }
    String patch = TEXT + ",'edits':['blocks.0.hook_mlp_out patch \\\"The %s\\\"']}";
    assertEquals(plain, server.json(path, patch.formatted("king")));
    assertNotEquals(plain, server.json(path, patch.formatted("queen")));
  }

  @Test
  void patching_runsBothTextsWithEdits() {
    String pair =
        "{'model':'bard','clean':'The king','corrupted':'The queen','site':'head','answer':'"
            + " is','wrong':' of'";
    String edit = ",'edits':['blocks.0.hook_mlp_out scale 0.5']";
    JsonNode plain = server.json("/v1/lens/patch", pair + "}");
    JsonNode edited = server.json("/v1/lens/patch", pair + edit + "}");
    for (String field : List.of("clean_logit_difference", "corrupted_logit_difference", "scores")) {
      assertNotEquals(plain.get(field), edited.get(field), field);
    }
    String pairs =
        "{'model':'bard','pairs':[{'clean':'The king','corrupted':'The queen','answer':'"
            + " is','wrong':' of'}]";
    String error = TestServer.error(server.post("/v1/lens/patch", pairs + edit + "}"));
    assertTrue(error.startsWith("400 ") && error.contains("edits"), error);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "['foo zero'] | edits[0] \"foo zero\": hook foo: not found",
        "['blocks.0.hook_mlp_out zero','blocks.0.hook_mlp_out'] | edits[1]",
        "['blocks.0.hook_mlp_out set x.safetensors'] | file x.safetensors: not supported here",
        "['blocks.0.hook_mlp_out mean /etc/passwd'] | file /etc/passwd: not supported here",
        "['blocks.0.hook_mlp_out[99] zero'] | must be within 0 to",
        "[1] | edits[0]",
        "'zero' | edits",
      })
  void rejectsInvalidEdits(String edits, String expected) {
    String error =
        TestServer.error(server.post("/v1/lens/logits", TEXT + ",'edits':" + edits + "}"));
    assertTrue(error.startsWith("400 ") && error.contains(expected.strip()), error);
  }
}
