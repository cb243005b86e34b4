package dev.vidrio.server.generation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.LensOptions;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Verification;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.sampling.DryOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;

/** Receipts in the responses of all routes that have them, checked against the model itself. */
class ReceiptFieldTest {
  @RegisterExtension
  static final TestServer server =
      TestServer.forAll(
          options -> options.withEngine(options.engine().withLens(LensOptions.STEERING)));

  private static final String TEXT =
      "'model':'bard','prompt':'To be','max_tokens':12,'seed':3,'receipt':true";

  private static final String CHAT =
      "'model':'parrot','messages':[{'role':'user','content':'Hi'}],'seed':3,'receipt':true";

  private static Receipt verified(Model model, JsonNode tree) {
    Receipt receipt = Receipt.parse("response", tree.toString());
    assertNull(Verification.of(model, receipt).difference());
    return receipt;
  }

  @Test
  void completionsHaveReceipts() {
    try (Model bard = Model.open(BardFiles.q8())) {
      JsonNode choices = server.json("/v1/completions", "{" + TEXT + ",'n':2}").path("choices");
      Receipt first = verified(bard, choices.path(0).path("receipt"));
      Receipt second = verified(bard, choices.path(1).path("receipt"));
      assertEquals(12, first.answer().size());
      assertEquals(3, first.sampling().seed());
      assertEquals(4, second.sampling().seed());

      List<JsonNode> events = server.events("/v1/completions", "{" + TEXT + ",'stream':true}");
      List<JsonNode> receipts =
          events.stream().filter(e -> e.at("/choices/0").has("receipt")).toList();
      assertEquals(1, receipts.size());
      JsonNode last = receipts.getFirst().at("/choices/0");
      assertEquals("length", last.path("finish_reason").stringValue());
      assertEquals(first, verified(bard, last.path("receipt")));

      assertFalse(
          server
              .json("/v1/completions", "{" + TEXT.replace("true", "false") + "}")
              .at("/choices/0")
              .has("receipt"));
    }
  }

  @Test
  void samplersHaveTheFieldsOfLlamaServer() {
    String fields =
        ",'dry_multiplier':0.8,'dry_base':1.5,'dry_allowed_length':1,'dry_penalty_last_n':32,"
            + "'dry_sequence_breakers':['x'],'top_n_sigma':1.5,'xtc_probability':0.5,'xtc_threshold':0.2";
    try (Model bard = Model.open(BardFiles.q8())) {
      JsonNode json = server.json("/v1/completions", "{" + TEXT + fields + "}");
      SamplingOptions sampling = verified(bard, json.at("/choices/0/receipt")).sampling();
      assertEquals(new DryOptions(0.8, 1.5, 1, 32, List.of("x")), sampling.dry());
      assertEquals(1.5, sampling.topNSigma());
      assertEquals(0.5, sampling.xtcProbability());
      assertEquals(0.2, sampling.xtcThreshold());
      String off = ",'top_n_sigma':-1,'xtc_threshold':1,'dry_multiplier':0";
      sampling =
          verified(
                  bard,
                  server.json("/v1/completions", "{" + TEXT + off + "}").at("/choices/0/receipt"))
              .sampling();
      assertEquals(0, sampling.topNSigma());
      assertEquals(DryOptions.OFF, sampling.dry());
    }
    assertEquals(
        "400 invalid_value dry_base dry_base 0.5: must be a number from 1 to 1000",
        TestServer.error(server.post("/v1/completions", "{" + TEXT + ",'dry_base':0.5}")));
    assertEquals(
        "400 invalid_value dry_sequence_breakers dry_sequence_breakers : must have 1 to 40 bytes",
        TestServer.error(
            server.post("/v1/completions", "{" + TEXT + ",'dry_sequence_breakers':['']}")));
  }

  @Test
  void chatsHaveReceipts() {
    try (Model parrot = TestServer.parrot()) {
      JsonNode choice = server.json("/v1/chat/completions", "{" + CHAT + "}").at("/choices/0");
      Receipt receipt = verified(parrot, choice.path("receipt"));
      assertEquals("stop", receipt.finish());
      assertEquals(TestServer.ANSWER.size(), receipt.answer().size());

      List<JsonNode> events = server.events("/v1/chat/completions", "{" + CHAT + ",'stream':true}");
      assertEquals(receipt, verified(parrot, events.getLast().at("/choices/0/receipt")));

      String schema = ",'response_format':{'type':'json_object'},'max_tokens':20";
      JsonNode constrained =
          server.json("/v1/chat/completions", "{" + CHAT + schema + "}").at("/choices/0/receipt");
      assertTrue(grammar(verified(parrot, constrained)).containsKey("json_schema"));
    }
  }

  @Test
  void constrainedToolCallsHaveReceipts() {
    String tools =
        ",'max_tokens':60,'tools':[{'type':'function','function':{'name':'get_weather','parameters':{'type':'object','properties':{'place':{'type':'string','minLength':1.0}},'required':['place']}}}]"
            + ",'tool_choice':'required'";
    try (Model parrot = TestServer.parrot()) {
      JsonNode choice =
          server.json("/v1/chat/completions", "{" + CHAT + tools + "}").at("/choices/0");
      assertTrue(grammar(verified(parrot, choice.path("receipt"))).containsKey("tool_calls"));
    }
  }

  private static Map<String, Object> grammar(Receipt receipt) {
    return Objects.requireNonNull(receipt.grammar());
  }

  @Test
  void responsesHaveReceipts() {
    String request = "'model':'parrot','input':'Hi','seed':3,'receipt':true";
    try (Model parrot = TestServer.parrot()) {
      Receipt receipt =
          verified(parrot, server.json("/v1/responses", "{" + request + "}").path("receipt"));
      List<JsonNode> events = server.events("/v1/responses", "{" + request + ",'stream':true}");
      assertEquals(receipt, verified(parrot, events.getLast().at("/response/receipt")));
    }
  }

  @Test
  void rejectsRequestsThatReceiptsCannotExpress() {
    String steered =
        ",'vidrio':{'steer':[{'hook':'blocks.1.hook_resid_post','strength':2,'plus':'a','minus':'b'}]}";
    assertEquals(
        "400 invalid_value receipt receipt: not supported with edits of activations, which a"
            + " receipt cannot express",
        TestServer.error(server.post("/v1/completions", "{" + TEXT + steered + "}")));
    assertEquals(
        "400 invalid_value receipt receipt: not supported with beams, since their tokens are not"
            + " chosen one by one",
        TestServer.error(
            server.post("/v1/completions", "{" + TEXT + ",'temperature':0,'beams':2}")));
    assertEquals(
        "400 unsupported_parameter receipt receipt: not supported in /infill",
        TestServer.error(
            server.post(
                "/infill",
                "{'model':'bard','input_prefix':'a','input_suffix':'b','receipt':true}")));
    HttpResponse<String> ollama =
        server.post("/api/generate", "{'model':'bard','prompt':'a','receipt':true}");
    assertEquals(
        "400 {\"error\":\"receipt: not supported\"}", ollama.statusCode() + " " + ollama.body());
    assertEquals(
        "400 invalid_value receipt receipt 1: must be true or false",
        TestServer.error(server.post("/v1/completions", "{" + TEXT.replace("true", "1") + "}")));
  }
}
