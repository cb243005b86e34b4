package dev.vidrio.server.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.LensOptions;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.Removal;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.ComponentLens;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.model.Model;
import dev.vidrio.server.testserver.TestServer;
import dev.vidrio.tokenizer.EncodeOptions;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.http.HttpResponse;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The routes {@code /v1/lens/…} return the results of the lens in this process. */
class LensRoutesTest {
  private static final String TEXT = "To be, or not to be";
  private static final String ASK = "'model':'bard','prompt':'" + TEXT + "'";

  @RegisterExtension
  static final TestServer server =
      TestServer.forAll(
          options -> options.withEngine(options.engine().withLens(LensOptions.STEERING)));

  private static final EncodeOptions BARE = EncodeOptions.DEFAULT.withAddBosEos(false);

  private static Model model;
  private static int[] tokens = {};

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.q8());
    tokens = model.tokenizer().encode(TEXT);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static JsonNode ask(String route, String more) {
    return server.json("/v1/lens/" + route, "{" + ASK + more + "}");
  }

  private static int[] ints(JsonNode array) {
    return IntStream.range(0, array.size()).map(i -> array.path(i).intValue()).toArray();
  }

  private static float[] floats(JsonNode array) {
    var values = new float[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.path(i).floatValue();
    }
    return values;
  }

  private static List<Double> doubles(JsonNode array) {
    return IntStream.range(0, array.size()).mapToObj(i -> array.path(i).doubleValue()).toList();
  }

  @Test
  void describesHookPoints() {
    JsonNode json = server.json("/v1/lens/model", "{'model':'bard'}");
    assertEquals(model.architecture().layers(), json.path("layers").intValue());
    assertEquals(false, json.path("chat").booleanValue());
    assertEquals(true, json.path("steerable").booleanValue());
    assertEquals(Lens.of(model).points().size(), json.path("hooks").size());
    JsonNode parrot = server.json("/v1/lens/model", "{'model':'parrot'}");
    assertEquals(true, parrot.path("chat").booleanValue());
  }

  @Test
  void logits() {
    Capture capture = Capture.of("blocks.*.hook_resid_post");
    LogitLens expected = LogitLens.of(Lens.of(model), tokens, capture, 3);
    assertLogits(expected, 0, ask("logits", ",'top':3"));
    LogitLens one = LogitLens.of(Lens.of(model), tokens, capture.positions(4, 5), 3);
    assertLogits(one, 4, ask("logits", ",'top':3,'position':4"));
    int fromEnd = 4 - tokens.length;
    assertLogits(one, 4, ask("logits", ",'top':3,'position':" + fromEnd));
  }

  @Test
  void logitsWithPatterns_equalThoseOfBothRoutes() {
    String more = ",'position':4,'top':3";
    JsonNode both = ask("logits", more + ",'patterns':true");
    assertEquals(ask("logits", more).path("hooks"), both.path("hooks"));
    assertEquals(ask("attention", ",'position':4").path("patterns"), both.path("patterns"));
  }

  @Test
  void followsTokenThroughLayers() {
    JsonNode json = ask("logits", ",'position':4,'token':17");
    Capture capture = Capture.of("blocks.*.hook_resid_post").positions(4, 5);
    LogitLens expected =
        LogitLens.of(Lens.of(model), tokens, capture, 1, 17, LogitLens.Translation.NONE, List.of());
    for (int row = 0; row < expected.points().size(); row++) {
      LogitLens.Standing standing = expected.cells().get(row).getFirst().standing();
      assertNotNull(standing);
      JsonNode cell = json.path("hooks").path(expected.points().get(row).name()).path(0);
      assertEquals(standing.rank(), cell.path("token_rank").intValue());
      assertEquals(standing.probability(), cell.path("token_probability").doubleValue());
    }
  }

  @Test
  void logitsOfComponents() {
    String hooks = "blocks.2.attn.hook_result,blocks.2.hook_mlp_out";
    JsonNode json = ask("logits", ",'hooks':'" + hooks + "','position':4,'token':17,'top':2");
    ComponentLens expected =
        ComponentLens.of(
            Lens.of(model), tokens, Capture.of(hooks).positions(4, 5), 2, 17, List.of());
    assertEquals(expected.components().size(), json.path("components").size());
    for (int c = 0; c < expected.components().size(); c++) {
      ComponentLens.Cell cell = expected.cells().get(c).getFirst();
      JsonNode actual = json.path("components").path(expected.components().get(c)).path(0);
      JsonNode second = actual.path("promoted").path(1);
      assertEquals(cell.promoted().get(1).token(), second.path("id").intValue());
      assertEquals(cell.promoted().get(1).logit(), second.path("logit").doubleValue());
      JsonNode lowest = actual.path("demoted").path(0);
      assertEquals(cell.demoted().getFirst().token(), lowest.path("id").intValue());
      assertEquals(cell.deviation(), actual.path("standard_deviation").doubleValue());
      ComponentLens.Standing standing = cell.standing();
      assertNotNull(standing);
      assertEquals(standing.logit(), actual.path("token_logit").doubleValue());
      assertEquals(standing.rank(), actual.path("token_rank").intValue());
    }
  }

  private static void assertLogits(LogitLens expected, int from, JsonNode json) {
    assertEquals(from, json.path("from").intValue());
    for (int row = 0; row < expected.points().size(); row++) {
      JsonNode cells = json.path("hooks").path(expected.points().get(row).name());
      assertEquals(expected.cells().get(row).size(), cells.size());
      for (int i = 0; i < cells.size(); i++) {
        LogitLens.Cell cell = expected.cells().get(row).get(i);
        JsonNode actual = cells.path(i);
        assertEquals(cell.entropy(), actual.path("entropy_bits").doubleValue());
        assertEquals(cell.rank(), actual.path("rank_of_final").intValue());
        assertEquals(cell.divergence(), actual.path("kl_bits").doubleValue());
        for (int k = 0; k < 3; k++) {
          JsonNode candidate = actual.path("top").path(k);
          assertEquals(cell.top().get(k).token(), candidate.path("id").intValue());
          assertEquals(
              cell.top().get(k).probability(), candidate.path("probability").doubleValue());
        }
      }
    }
  }

  @Test
  void attention() {
    try (ActivationCache cache =
        Lens.of(model).run(tokens, Capture.of("blocks.*.attn.hook_pattern"))) {
      JsonNode all = ask("attention", ",'position':3").path("patterns");
      int heads = cache.get(cache.points().getFirst()).shape().getFirst();
      assertEquals(cache.points().size() * heads, all.size());
      for (JsonNode pattern : all) {
        int head = pattern.path("head").intValue();
        HookPoint point = cache.points().get(pattern.path("layer").intValue());
        float[] row = cache.get(point).row(head);
        float[] query = Arrays.copyOfRange(row, 3 * tokens.length, 3 * tokens.length + 4);
        assertArrayEquals(query, floats(pattern.path("weights").path(0)));
      }
      JsonNode one = ask("attention", ",'layer':2,'head':5").path("patterns");
      assertEquals(1, one.size());
      assertEquals(tokens.length, one.path(0).path("weights").size());
      float[] row = cache.get(cache.points().get(2)).row(5);
      assertArrayEquals(
          Arrays.copyOfRange(row, 5 * tokens.length, 6 * tokens.length),
          floats(one.path(0).path("weights").path(5)));
    }
  }

  @Test
  void attribution() {
    Lens lens = Lens.of(model);
    int at = tokens.length - 1;
    int[] before = Arrays.copyOf(tokens, at);
    JsonNode product = ask("attribution", "");
    var expected = GradientAttribution.timesInput(lens, before, Metric.logit(tokens[at]));
    assertEquals(expected.scores(), doubles(product.path("scores")));
    assertEquals(expected.value(), product.path("logit").doubleValue());
    assertEquals(tokens[at], product.path("target").intValue());
    int[] two = Arrays.copyOf(tokens, 2);
    assertEquals(
        GradientAttribution.norm(lens, two, Metric.logit(tokens[2])).scores(),
        doubles(ask("attribution", ",'position':2,'method':'gradient'").path("scores")));
    Occlusion occlusion = Occlusion.of(lens, before, Removal.hide(), Metric.logit(tokens[at]));
    assertEquals(
        IntStream.range(0, at).mapToObj(occlusion::effect).toList(),
        doubles(ask("attribution", ",'method':'occlusion'").path("scores")));
  }

  @Test
  void activations() throws IOException, InterruptedException {
    String asked = "'hooks':'blocks.1.*,ln_final.hook_scale'";
    JsonNode json = ask("cache", "," + asked);
    assertArrayEquals(tokens, ints(json.path("tokens")));
    String body = ("{" + ASK + "," + asked + ",'format':'safetensors'}").replace('\'', '"');
    HttpResponse<byte[]> bytes = server.sendBytes("/v1/lens/cache", body);
    assertEquals("application/octet-stream", bytes.headers().firstValue("content-type").orElse(""));
    Safetensors stored = Safetensors.parse("answer", MemorySegment.ofArray(bytes.body()));
    try (ActivationCache cache =
        Lens.of(model).run(tokens, Capture.of("blocks.1.*,ln_final.hook_scale"))) {
      assertEquals(cache.points().size(), json.path("hooks").size());
      for (HookPoint point : cache.points()) {
        float[] expected = cache.get(point).toArray();
        JsonNode values = json.path("hooks").path(point.name()).path("values");
        for (int i = 0; i < expected.length; i++) {
          assertEquals(Float.isFinite(expected[i]) ? expected[i] : 0, values.path(i).floatValue(0));
        }
        assertArrayEquals(
            expected,
            stored
                .find(point.name())
                .orElseThrow()
                .data()
                .toArray(ValueLayout.JAVA_FLOAT_UNALIGNED));
      }
    }
  }

  @Test
  void patching() {
    JsonNode json =
        server.json(
            "/v1/lens/patch",
            "{'model':'bard','clean':'The king','corrupted':'The queen','answer':' his',"
                + "'wrong':' her','site':'head','direction':'noising'}");
    int his = json.path("answer").intValue();
    int her = json.path("wrong").intValue();
    assertEquals(" his", model.tokenizer().piece(his));
    ActivationPatching expected =
        ActivationPatching.of(
            Lens.of(model),
            TextPair.of(
                model.tokenizer().encode("The king"),
                model.tokenizer().encode("The queen"),
                his,
                her),
            ActivationPatching.Site.HEAD,
            ActivationPatching.Direction.NOISING);
    assertEquals(expected.clean(), json.path("clean_logit_difference").doubleValue());
    for (int row = 0; row < expected.rows().size(); row++) {
      assertEquals(expected.scores().get(row), doubles(json.path("scores").path(row)));
    }
  }

  private static JsonNode patchBy(String fields) {
    return server.json(
        "/v1/lens/patch",
        "{'model':'bard','clean':'The king','corrupted':'The queen','site':'head'," + fields + "}");
  }

  @Test
  void patchesByOtherMetrics() {
    Lens lens = Lens.of(model);
    int[] king = model.tokenizer().encode("The king");
    int[] queen = model.tokenizer().encode("The queen");
    int his = model.tokenizer().token(" his");
    int him = model.tokenizer().token(" him");
    int her = model.tokenizer().token(" her");
    Metric sets = Metric.probability(his, him).minus(Metric.probability(her));
    JsonNode json = patchBy("'metric':'prob-diff','answer':[' his',' him'],'wrong':" + her);
    assertEquals("prob-diff", json.path("metric_kind").stringValue());
    assertEquals(sets.of(lens, king), json.path("clean_probability_difference").doubleValue());
    assertEquals(2, json.path("answer").size());
    assertEquals(
        json.path("scores"), patchBy("'metric':'prob-diff: his, him/ her'").path("scores"));
    JsonNode kl = patchBy("'metric':'kl'");
    double corrupted = kl.path("corrupted_kl_divergence").doubleValue();
    assertEquals(Metric.divergence(lens, king).of(lens, queen), corrupted);
    JsonNode whole = patchBy("'metric':'logprob','answer':' his own'");
    TextPair pair = TextPair.ofAnswer(king, queen, model.tokenizer().encode(" his own", BARE));
    assertEquals(
        pair.metric().of(lens, pair.clean()), whole.path("clean_log_probability").doubleValue());
    assertEquals(king.length + 1, whole.path("tokens").size());
  }

  @Test
  void patchesSeveralPairs() {
    Lens lens = Lens.of(model);
    JsonNode json =
        server.json(
            "/v1/lens/patch",
            "{'model':'bard','site':'head','pairs':[{'clean':'The king','corrupted':'The queen',"
                + "'answer':' his','wrong':' her'},{'clean':'A king','corrupted':'A queen',"
                + "'answer':' his','wrong':' her'}]}");
    List<TextPair> pairs =
        List.of(
            TextPair.of(lens, "The king", "The queen", " his", " her"),
            TextPair.of(lens, "A king", "A queen", " his", " her"));
    ActivationPatching expected =
        ActivationPatching.of(
            lens, pairs, ActivationPatching.Site.HEAD, ActivationPatching.Direction.DENOISING);
    assertEquals(expected.clean(), json.path("clean_logit_difference").doubleValue());
    for (int row = 0; row < expected.rows().size(); row++) {
      assertEquals(expected.scores().get(row), doubles(json.path("scores").path(row)));
      assertEquals(expected.halfWidths().get(row), doubles(json.path("half_widths").path(row)));
    }
    assertArrayEquals(pairs.get(1).clean(), ints(json.path("pairs").path(1).path("tokens")));
  }

  /** Texts of one length have mean scores, others only their own. */
  @ParameterizedTest
  @ValueSource(strings = {"grad_x_input", "occlusion"})
  void attributesSeveralPairs(String method) {
    Lens lens = Lens.of(model);
    String asked = "{'model':'bard','method':'" + method + "','pairs':[";
    String king = "{'clean':'The king','corrupted':'The queen','answer':' his','wrong':' her'}";
    String lord = "{'clean':'A lord','answer':' his','wrong':' her'}";
    JsonNode json = server.json("/v1/lens/attribution", asked + king + "," + lord + "]}");
    Metric metric = TextPair.of(lens, "a", "b", " his", " her").forwardMetric();
    var sums = new double[3];
    double value = 0;
    for (int i = 0; i < 2; i++) {
      int[] text = model.tokenizer().encode(i == 0 ? "The king" : "A lord");
      JsonNode one = json.path("pairs").path(i);
      assertArrayEquals(text, ints(one.path("tokens")));
      Occlusion occlusion = Occlusion.of(lens, text, Removal.hide(), metric);
      List<Double> scores =
          method.equals("occlusion")
              ? IntStream.range(0, 3).mapToObj(occlusion::effect).toList()
              : GradientAttribution.timesInput(lens, text, (DifferentiableMetric) metric).scores();
      assertEquals(scores, doubles(one.path("scores")));
      assertEquals(occlusion.metric(), one.path("logit_difference").doubleValue(), 1e-12);
      value += occlusion.metric() / 2;
      for (int p = 0; p < 3; p++) {
        sums[p] += scores.get(p) / 2;
      }
    }
    assertEquals(value, json.path("logit_difference").doubleValue(), 1e-12);
    assertTrue(json.path("half_width").doubleValue() > 0);
    for (int p = 0; p < 3; p++) {
      assertEquals(sums[p], json.path("scores").path(p).doubleValue(), 1e-12);
    }
    assertEquals(3, json.path("half_widths").size());
    String longer = lord.replace("A lord", "My dear lord");
    JsonNode mixed = server.json("/v1/lens/attribution", asked + king + "," + longer + "]}");
    assertFalse(mixed.has("scores"));
    assertEquals(3, mixed.path("pairs").path(0).path("scores").size());
  }

  /** A run that is kept gives the responses of runs of the texts alone. */
  @Test
  void keepsRunsForLongerTexts() {
    String prompt = "{'model':'bard','prompt':'The king'";
    int[] answer = Arrays.copyOfRange(tokens, 1, tokens.length);
    List<String> requests =
        List.of(
            "logits|,'position':-1,'patterns':true,'top':2",
            "logits|,'patterns':true",
            "logits|,'position':2,'hooks':'blocks.1.hook_resid_mid'",
            "attribution|",
            "attribution|,'method':'gradient'",
            "attribution|,'position':-3,'to':",
            "attribution|,'metric':'logprob: a king'",
            "attribution|,'method':'occlusion'");
    for (String request : requests) {
      String route = "/v1/lens/" + request.substring(0, request.indexOf('|'));
      String more = request.substring(request.indexOf('|') + 1);
      for (int length : new int[] {3, 2, answer.length, 1}) {
        int[] given = Arrays.copyOf(answer, length);
        int[] following = Arrays.copyOfRange(answer, length, answer.length);
        String fields =
            prompt
                + ",'answer':"
                + Arrays.toString(given)
                + (more.endsWith("'to':") ? more + (3 + length) : more);
        JsonNode alone = server.json(route, fields + "}");
        JsonNode kept = server.json(route, fields + ",'ahead':" + Arrays.toString(following) + "}");
        assertEquals(alone, kept, request + ", " + length);
      }
    }
  }

  @Test
  void attributesSeveralTokens() {
    Lens lens = Lens.of(model);
    int at = 3;
    int[] text = Arrays.copyOf(tokens, tokens.length - 1);
    int[] targets = Arrays.copyOfRange(tokens, at, tokens.length);
    var expected = GradientAttribution.timesInput(lens, text, Metric.logProbability(targets));
    JsonNode json = ask("attribution", ",'position':" + at + ",'to':" + tokens.length);
    assertEquals(expected.value(), json.path("log_probability").doubleValue());
    assertEquals(expected.scores(), doubles(json.path("scores")));
    assertArrayEquals(targets, ints(json.path("targets")));
    JsonNode one = ask("attribution", ",'position':3,'metric':'logprob'");
    assertEquals(one.path("scores"), ask("attribution", ",'position':3,'to':4").path("scores"));
  }

  @Test
  void attributesOtherMetrics() {
    Lens lens = Lens.of(model);
    int at = tokens.length - 1;
    int[] before = Arrays.copyOf(tokens, at);
    JsonNode entropy = ask("attribution", ",'metric':'entropy'");
    var expected = GradientAttribution.timesInput(lens, before, Metric.entropy());
    assertEquals(expected.scores(), doubles(entropy.path("scores")));
    assertEquals(expected.value(), entropy.path("entropy").doubleValue());
    JsonNode difference = ask("attribution", ",'versus':7,'method':'occlusion'");
    assertEquals(
        Metric.logitDifference(tokens[at], 7).of(lens, before),
        difference.path("logit_difference").doubleValue());
  }

  @Test
  void acceptsConversationsAndAnswers() {
    String messages = "'messages':[{'role':'user','content':'What is glass?'}]";
    JsonNode answered =
        server.json(
            "/v1/chat/completions",
            "{'model':'parrot'," + messages + ",'logprobs':true,'max_tokens':3}");
    StringBuilder ids = new StringBuilder();
    for (JsonNode token : answered.path("choices").path(0).path("logprobs").path("content")) {
      ids.append(ids.isEmpty() ? "" : ",").append(token.path("id").intValue());
    }
    JsonNode json =
        server.json(
            "/v1/lens/logits",
            "{'model':'parrot'," + messages + ",'answer':[" + ids + "],'top':1}");
    int prompt = answered.path("usage").path("prompt_tokens").intValue();
    assertEquals(prompt + 3, json.path("tokens").size());
    assertEquals("Glass", json.path("pieces").path(prompt).stringValue());
    JsonNode last = json.path("hooks").valueStream().reduce((a, b) -> b).orElseThrow();
    assertEquals("Glass", last.path(prompt - 1).path("top").path(0).path("piece").stringValue());
  }

  @Test
  void acceptsIdsOfCompletions() {
    JsonNode logprobs =
        server
            .json(
                "/v1/completions",
                "{" + ASK + ",'echo':true,'max_tokens':2,'logprobs':1,'temperature':0}")
            .path("choices")
            .path(0)
            .path("logprobs");
    int[] ids = ints(logprobs.path("token_ids"));
    assertEquals(tokens.length + 2, ids.length);
    assertArrayEquals(tokens, Arrays.copyOf(ids, tokens.length));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "logits | 'prompt':'a','tokens':[1] | prompt prompt: exactly one of prompt, tokens and"
            + " messages",
        "logits | 'top':3 | prompt prompt: exactly one of prompt, tokens and messages is required",
        "logits | 'tokens':[] | tokens tokens of 0 tokens: must have 1 to 1024",
        "logits | 'tokens':[2048] | tokens[0] tokens[0] 2048: must be below 2048",
        "logits | 'prompt':'a','position':2 | position position 2: must be an integer from -2 to 1",
        "logits | 'prompt':'a','top':21 | top top 21: must be an integer from 1 to 20",
        "logits | 'prompt':'a','hooks':'blocks.0.attn.hook_z' | hooks hook blocks.0.attn.hook_z: is"
            + " neither a residual stream nor added to it",
        "logits | 'prompt':'a','layer':1 | layer layer: not supported",
        "logits | 'messages':[{'role':'user','content':'a'}] | model model bard: has no chat"
            + " template",
        "attention | 'prompt':'a','layer':4 | layer layer 4: must be an integer from 0 to 3",
        "attention | 'prompt':'a','head':8 | head head 8: must be an integer from 0 to 7",
        "attribution | 'tokens':[1] | tokens tokens: must have at least 2 tokens",
        "attribution | 'prompt':'a','position':0 | position position 0: must be at least 1",
        "attribution | 'prompt':'a b','position':1,'to':9 | to to 9: must be an integer from 2 to 3",
        "attribution | 'prompt':'a b','to':3,'metric':'logit' | to to 3: is read by metric logprob",
        "attribution | 'prompt':'a','method':'magic' | method method \"magic\": must be one of",
        "cache | 'prompt':'a' | hooks hooks: is required",
        "cache | 'prompt':'a','hooks':'nowhere' | hooks hook nowhere",
        "patch | 'clean':'a','corrupted':'a b c d','answer':1,'wrong':2 | corrupted corrupted text"
            + " 5 tokens",
        "patch | 'clean':'a','corrupted':'b','answer':'to be','wrong':2 | answer answer \"to be\":"
            + " must be one token",
        "patch | 'clean':'a','corrupted':'b','answer':99999,'wrong':2 | answer answer 99999: must"
            + " be an integer from 0 to 2047",
        "patch | 'clean':'a','corrupted':'b','answer':1,'wrong':2048 | wrong wrong 2048: must be an"
            + " integer",
        "patch | 'clean':'a','corrupted':'b','answer':2,'wrong':2 | wrong wrong: must differ"
            + " from answer",
        "patch | 'pairs':[] | pairs pairs of 0 elements: must have 1 to 256",
        "patch | 'pairs':[{'clean':'a'}] | pairs[0].corrupted pairs[0].corrupted: is required",
        "patch | 'clean':'a','corrupted':'b','metric':'kl','answer':1 | answer answer: not read by"
            + " metric kl",
        "patch | 'clean':'a','corrupted':'b','metric':'magic' | metric metric magic: unknown",
        "patch | 'clean':'a','corrupted':'b','metric':'prob' | answer answer: is required",
        "attribution | 'prompt':'a b','metric':'accuracy' | metric metric accuracy: has no"
            + " gradient",
        "attribution | 'prompt':'a b','metric':'prob-diff' | versus versus: is required by metric",
        "attribution | 'pairs':[] | pairs pairs of 0 elements: must have 1 to 256",
        "attribution | 'pairs':[{'clean':'a','answer':1}] | pairs[0].wrong pairs[0].wrong: is"
            + " required",
        "attribution | 'pairs':[{'clean':'a','answer':1,'wrong':2}],'prompt':'a' | prompt",
        "attribution | 'pairs':[{'clean':'a'}],'metric':'kl' | metric metric kl: its gradient",
        "logits | 'prompt':'a','answer':[1,5000] | answer[1] answer[1] 5000: must be below 2048",
        "logits | 'prompt':'a','ahead':[2048] | ahead[0] ahead[0] 2048: must be below 2048",
        "attribution | 'prompt':'a b','ahead':1 | ahead ahead 1: must be an array",
        "logits | 'prompt':'a','hooks':'foo' | hooks hook foo",
        "logits | 'prompt':'a','hooks':'*hook_mlp_out','patterns':true | patterns patterns: not"
            + " supported for components",
        "compare | 'prompt':'a' | with with: is required",
        "compare | 'prompt':'a','with':'bard','from':9 | from from 9: must be an integer",
        "compare | 'prompt':'a','with':'bard','with_edits':['x zero'] | with_edits[0] with_edits[0] \"x zero\": hook x",
        "compare | 'prompt':'a','with':'bard','with_steer':1 | with_steer with_steer 1: must be",
        "compare | 'prompt':'a','with':'parrot' | vocabulary of the other model 277: must have 2048"
            + " tokens",
        "logits | 'prompt':'a','token':2048 | token token 2048: must be an integer",
      })
  void rejectsInvalidRequests(String route, String fields, String expected) {
    String error =
        TestServer.error(server.post("/v1/lens/" + route, "{'model':'bard'," + fields + "}"));
    assertTrue(error.startsWith("400 "), error);
    assertTrue(error.contains(" " + expected), error);
  }

  @Test
  void rejectsLargeRequests() {
    String ids = "'tokens':[" + "1,".repeat(1023) + "1]";
    for (String[] asked :
        new String[][] {
          {"cache", ids + ",'hooks':'*'", "values exceed the limit of 2097152"},
          {"attention", ids, " tokens tokens: 33554432 values exceed the limit of 2097152"},
          {"attention", ids + ",'head':0", " tokens tokens: 4194304 values exceed the limit"},
          {"logits", ids + ",'hooks':'*hook_resid_*'", "predictions exceed the limit of 4096"},
          {"logits", ids + ",'hooks':'*hook_result'", "predictions exceed the limit of 4096"},
          {"logits", ids + ",'patterns':true", " tokens tokens: 33554432 values exceed the limit"},
          {
            "attribution",
            ids + ",'method':'occlusion'",
            "tokens of forward passes exceed the limit of 65536"
          },
          {
            "attribution",
            "'method':'occlusion','metric':'entropy','pairs':[{"
                + ids.replace("tokens", "clean")
                + "}]",
            "pairs pairs: 1049600 tokens of forward passes exceed the limit of 65536"
          },
          {"cache", ids.replace("[1", "[1,1") + ",'hooks':'*'", "must have 1 to 1024"},
        }) {
      String error =
          TestServer.error(
              server.post("/v1/lens/" + asked[0], "{'model':'bard'," + asked[1] + "}"));
      assertTrue(error.startsWith("400 ") && error.contains(asked[2]), error);
    }
  }

  @Test
  void comparesModels() {
    JsonNode json = ask("compare", ",'with':'bard','from':-2,'top':3");
    assertEquals("bard", json.path("with").stringValue());
    assertEquals(tokens.length - 2, json.path("from").intValue());
    assertEquals(2, json.path("predictions").size());
    JsonNode first = json.path("predictions").path(0);
    assertEquals(0, first.path("kl_bits").doubleValue());
    assertEquals(3, first.path("top").size());
    assertEquals(tokens[tokens.length - 1], first.path("next").path("id").intValue());
    assertEquals(
        first.path("next").path("probability"), first.path("next").path("with_probability"));
    assertTrue(json.path("predictions").path(1).path("next").isMissingNode());
  }

  /** Each model has its own edits: equal ones make equal predictions, others exchange the roles. */
  @Test
  void comparesModelsWithEdits() {
    String edits = "edits':['blocks.1.hook_mlp_out zero']";
    String steer =
        "steer':[{'hook':'blocks.1.hook_resid_post','strength':2,'plus':'love','minus':'hate'}]";
    for (String change : List.of(edits, steer)) {
      JsonNode own = ask("compare", ",'with':'bard','top':3,'" + change).path("predictions");
      JsonNode other = ask("compare", ",'with':'bard','top':3,'with_" + change).path("predictions");
      JsonNode both =
          ask("compare", ",'with':'bard','top':3,'" + change + ",'with_" + change)
              .path("predictions");
      String[] names = {"probability", "with_probability"};
      JsonNode edited = ask("logits", ",'hooks':'blocks.-1.hook_resid_post','top':1,'" + change);
      for (int i = 0; i < tokens.length; i++) {
        assertTrue(own.path(i).path("kl_bits").doubleValue() > 0, change);
        assertEquals(0, both.path(i).path("kl_bits").doubleValue(), change);
        JsonNode cell = edited.path("hooks").iterator().next().path(i).path("top").path(0);
        for (int side = 0; side < 2; side++) {
          JsonNode top = (side == 0 ? own : other).path(i).path("top");
          String name = names[side];
          assertEquals(
              cell.path("probability").doubleValue(),
              top.valueStream()
                  .filter(token -> token.path("id").equals(cell.path("id")))
                  .findFirst()
                  .orElseThrow()
                  .path(name)
                  .doubleValue(),
              change);
        }
      }
    }
  }

  /** The response for a single head is half as large as one that is rejected. */
  @Test
  void returnsSingleHeadOfManyTokens() {
    JsonNode patterns =
        server
            .json(
                "/v1/lens/attention",
                "{'model':'bard','tokens':[" + "1,".repeat(1023) + "1],'layer':0,'head':7}")
            .path("patterns");
    assertEquals(1, patterns.size());
    assertEquals(1024, patterns.path(0).path("weights").size());
  }
}
