package dev.vidrio.server.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.LensOptions;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.intervene.SteeringVector;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.server.testserver.TestServer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code vidrio.steer} changes the answers of its own request only. */
class SteeringTest {
  private static final int TOKENS = 20;
  private static final String ASK =
      "{'model':'bard','prompt':'The king','temperature':0,'ignore_eos':true,'max_tokens':"
          + TOKENS;

  /** A hook point of the parrot. */
  private static final int WIDTH = 320;

  private static final HookPoint POINT = new HookPoint(HookSite.RESID_POST, 1);

  @RegisterExtension
  static final TestServer server =
      TestServer.forAll(
          options -> options.withEngine(options.engine().withLens(LensOptions.STEERING)));

  private static String steered(String direction) {
    return text(",'vidrio':{'steer':[" + direction + "]}");
  }

  private static String text(String more) {
    return server
        .json("/v1/completions", ASK + more + "}")
        .path("choices")
        .path(0)
        .path("text")
        .stringValue();
  }

  private static String byTexts(double strength) {
    return "{'hook':'"
        + POINT
        + "','strength':"
        + strength
        + ",'plus':['love','sweet love'],'minus':'hate'}";
  }

  /** Returns the steering vector of the texts and a greedy answer of a session that adds it. */
  private record Expected(SteeringVector vector, String text) {
    static Expected of(float strength) {
      try (Model model = Model.open(BardFiles.q8())) {
        Lens lens = Lens.of(model);
        var tokenizer = model.tokenizer();
        var vector =
            SteeringVector.of(
                lens,
                POINT,
                List.of(tokenizer.encode("love"), tokenizer.encode("sweet love")),
                List.of(tokenizer.encode("hate")));
        List<Integer> ids = new ArrayList<>();
        try (LensSession session = lens.open(Capture.NONE, SessionOptions.DEFAULT, POINT.name())) {
          session.edits(List.of(vector.edit(strength)));
          Sequence sequence = session.newSequence();
          session.feed(sequence, tokenizer.encode("The king"));
          for (int i = 0; i < TOKENS; i++) {
            ids.add(session.candidates().id(0));
            session.feed(sequence, ids.getLast());
          }
        }
        int[] answer = ids.stream().mapToInt(Integer::intValue).toArray();
        return new Expected(vector, tokenizer.decode(answer));
      }
    }
  }

  @Test
  void steersByTextsAndVectors() {
    Expected expected = Expected.of(0.5f);
    String plain = text("");
    assertNotEquals(plain, expected.text());
    assertEquals(expected.text(), steered(byTexts(0.5)));
    String vector = Arrays.toString(expected.vector().values());
    assertEquals(
        expected.text(),
        steered("{'hook':'" + POINT + "','strength':0.5,'vector':" + vector + "}"));
    assertEquals(plain, steered(byTexts(0)));
    assertEquals(plain, text(""));
  }

  @Test
  void steersChats() {
    // The parrot's residual stream encodes the last token, which the edit makes the first of its
    // answer.
    var direction = new int[WIDTH];
    direction[TestServer.parrotIds(TestServer.ANSWER.getFirst())[0]] = 1;
    for (int strength : new int[] {0, 10_000}) {
      String steer =
          "{'hook':'blocks.-1.hook_resid_post','strength':"
              + strength
              + ",'vector':"
              + Arrays.toString(direction)
              + "}";
      assertEquals(
          strength == 0 ? String.join("", TestServer.ANSWER) : TestServer.ANSWER.get(1).repeat(5),
          server
              .json(
                  "/v1/chat/completions",
                  "{'model':'parrot','messages':[{'role':'user','content':'a'}],'temperature':0,"
                      + "'max_tokens':5,'vidrio':{'steer':["
                      + steer
                      + "]}}")
              .path("choices")
              .path(0)
              .path("message")
              .path("content")
              .stringValue());
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.5})
  void steersTheLens(double strength) {
    String text = "{'model':'bard','prompt':'The king','position':-1";
    String hooks = ",'hooks':'blocks.1.hook_resid_post'";
    String steer = ",'steer':[" + byTexts(strength) + "]}";
    float[] direction = Expected.of(0.5f).vector().values();
    JsonNode plain = server.json("/v1/lens/cache", text + hooks + "}");
    JsonNode steered = server.json("/v1/lens/cache", text + hooks + steer);
    for (int i = 0; i < direction.length; i++) {
      String path = "/hooks/" + POINT + "/values/" + i;
      float sum = plain.at(path).floatValue() + (float) strength * direction[i];
      assertEquals(sum, steered.at(path).floatValue(), 1e-5 * Math.abs(sum));
    }
    for (String route : List.of("logits", "attention")) {
      JsonNode before = server.json("/v1/lens/" + route, text + "}");
      JsonNode after = server.json("/v1/lens/" + route, text + steer);
      assertEquals(strength == 0, before.equals(after), route);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{} | vidrio.steer vidrio.steer: is required",
        "{'steer':[],'watch':1} | vidrio.watch vidrio.watch: not supported",
        "{'steer':[{'hook':'foo','strength':1,'vector':[1]}]} | vidrio.steer[0].hook"
            + " vidrio.steer[0].hook \"foo\": not found; '*' selects all",
        "{'steer':[{'strength':1}]} | vidrio.steer[0].hook vidrio.steer[0].hook: is required",
        "{'steer':[{'hook':'*.hook_resid_post','strength':1,'vector':[1]}]} | vidrio.steer[0].hook"
            + " vidrio.steer[0].hook \"*.hook_resid_post\": matches 4 hook points; must match one",
        "{'steer':[{'hook':'blocks.0.hook_resid_post','plus':'a','minus':'b'}]} |"
            + " vidrio.steer[0].strength",
        "{'steer':[{'hook':'blocks.0.hook_resid_post','strength':1,'plus':'a'}]} |"
            + " vidrio.steer[0].minus",
        "{'steer':[{'hook':'blocks.0.hook_resid_post','strength':1,'vector':[1],'plus':'a'}]} |"
            + " vidrio.steer[0].plus",
        "{'steer':[{'hook':'blocks.0.hook_resid_post','strength':1e6,'vector':[0,3e38]}]} |"
            + " vidrio.steer[0].vector[1] vidrio.steer[0].vector[1] 3.0E38: times strength must"
            + " be from -1e15 to 1e15",
        "{'steer':[{'hook':'blocks.0.hook_resid_post','strength':-2,'vector':[-1e15]}]} |"
            + " vidrio.steer[0].vector[0] vidrio.steer[0].vector[0] -1.0E15: times strength"
            + " must be",
        "{'steer':[{'hook':'blocks.0.hook_resid_post','strength':1,'vector':[1,2]}]} |"
            + " vidrio.steer[0].vector vidrio.steer[0].vector: edit of blocks.0.hook_resid_post",
        "{'steer':[{'hook':'blocks.0.attn.hook_z','strength':1,'plus':'a','minus':'b'}]} |"
            + " vidrio.steer[0].hook vidrio.steer[0].hook \"blocks.0.attn.hook_z\": not editable;"
            + " must match blocks.*.hook_resid_post",
      })
  void rejectsInvalidDirections(String vidrio, String expected) {
    String error =
        TestServer.error(server.post("/v1/completions", ASK + ",'vidrio':" + vidrio + "}"));
    assertTrue(error.startsWith("400 ") && error.contains(" " + expected), error);
  }

  /** Logits stay finite: JSON has no infinities, and sampling needs finite values. */
  @Test
  void strongestDirectionsKeepLogitsFinite() {
    int width = server.json("/v1/lens/model", "{'model':'bard'}").path("width").intValue();
    var vector = new double[width];
    Arrays.fill(vector, 1e9);
    String direction =
        "{'hook':'" + POINT + "','strength':1e6,'vector':" + Arrays.toString(vector) + "},";
    String steer = direction.repeat(8);
    JsonNode logprobs =
        server
            .json(
                "/v1/completions",
                ASK + ",'logprobs':2,'vidrio':{'steer':[" + steer.replaceFirst(",$", "]}}"))
            .path("choices")
            .path(0)
            .path("logprobs")
            .path("token_logprobs");
    assertEquals(TOKENS, logprobs.size());
    logprobs.forEach(
        each -> assertTrue(each.isNumber() && each.doubleValue() <= 0, each::toString));
  }

  @Test
  void rejectsSteeringWithoutEditablePoints() {
    try (TestServer plain = TestServer.start()) {
      String error =
          TestServer.error(
              plain.post("/v1/completions", ASK + ",'vidrio':{'steer':[" + byTexts(1) + "]}}"));
      assertEquals(
          "400 unsupported_parameter vidrio.steer vidrio.steer: not supported: the engine has no"
              + " editable hook points",
          error);
    }
  }
}
