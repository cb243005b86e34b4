package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.LensOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.inspect.PredictionComparison;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyAdapter;
import dev.vidrio.server.testserver.TestServer;
import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Adapters over HTTP: models of their own in the batch of their base model. */
class AdapterTest {
  private static final int TOKENS = 24;
  private static final String PROMPT = "To be, or not to be";
  private static final String GREEDY =
      "'temperature':0,'ignore_eos':true,'max_tokens':" + TOKENS + "}";

  private static final String OPERATION =
      "gen_ai_operation_name=\"text_completion\",gen_ai_provider_name=\"vidrio\"";

  @TempDir private static Path directory;
  private static Path tiny = Path.of("");
  private static List<AdapterSource> adapters = List.of();

  /** The engine's answers with each adapter, by the adapter's name. */
  private static final Map<String, Completion> COMPLETED = new LinkedHashMap<>();

  private static final Map<String, String> CHATTED = new LinkedHashMap<>();
  private static final Map<String, float[]> EMBEDDED = new LinkedHashMap<>();

  @BeforeAll
  static void ask() throws IOException {
    tiny = TinyModel.writeChat(directory.resolve("tiny.gguf"));
    adapters =
        List.of(
            new AdapterSource("one", TinyAdapter.write(directory.resolve("1.gguf"), 4, 8, 1), 1),
            new AdapterSource("two", TinyAdapter.write(directory.resolve("2.gguf"), 9, 6, 2), 2));
    try (Model model = Model.open(tiny);
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withAdapters(1))) {
      ask(engine, "tiny", null);
      for (AdapterSource source : adapters) {
        try (Adapter adapter = model.openAdapter(source.file())) {
          ask(engine, source.id(), new Adaptation(adapter, source.strength()));
        }
      }
    }
    assertEquals(3, new HashSet<>(CHATTED.values()).size());
  }

  @AfterAll
  static void forget() {
    COMPLETED.clear();
    CHATTED.clear();
    EMBEDDED.clear();
  }

  private static void ask(Engine engine, String name, @Nullable Adaptation adaptation) {
    Model model = engine.model();
    int[] prompt = model.tokenizer().encode(PROMPT);
    int[] chat = model.chatFormat().orElseThrow().encode(List.of(ChatMessage.user(PROMPT)));
    COMPLETED.put(name, engine.submit(request(prompt, adaptation)).result());
    CHATTED.put(name, engine.submit(request(chat, adaptation)).result().result().text());
    EMBEDDED.put(
        name,
        Embeddings.of(
                model,
                List.of(prompt),
                Pooling.MEAN,
                true,
                SessionOptions.DEFAULT.withAdaptation(adaptation),
                done -> {})
            .getFirst());
  }

  private static GenerationRequest request(int[] prompt, @Nullable Adaptation adaptation) {
    return GenerationRequest.builder(prompt)
        .options(
            GenerationOptions.DEFAULT
                .withTokens(TOKENS)
                .withIgnoreEnd(true)
                .withSampling(SamplingOptions.GREEDY))
        .logProbabilities(0)
        .adaptation(adaptation)
        .build();
  }

  private static Completion completed(String name) {
    return Objects.requireNonNull(COMPLETED.get(name));
  }

  private static TestServer start() {
    return TestServer.start(
        options -> options, new ModelSource("tiny", () -> Model.open(tiny)).withAdapters(adapters));
  }

  private static String body(String model, String more) {
    return "{'model':'" + model + "'," + more;
  }

  @Test
  void answersEqualThoseOfTheEngine() throws Exception {
    try (TestServer server = start();
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<JsonNode>> answers = new ArrayList<>();
      List<String> names = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        for (String name : COMPLETED.keySet()) {
          names.add(name);
          String request = body(name, "'prompt':'" + PROMPT + "','logprobs':0," + GREEDY);
          answers.add(threads.submit(() -> server.json("/v1/completions", request)));
        }
      }
      for (int i = 0; i < answers.size(); i++) {
        JsonNode answer = answers.get(i).get();
        Completion expected = completed(names.get(i));
        assertEquals(names.get(i), answer.path("model").stringValue());
        JsonNode choice = answer.path("choices").path(0);
        assertEquals(expected.result().text(), choice.path("text").stringValue());
        JsonNode likely = choice.path("logprobs").path("token_logprobs");
        for (int t = 0; t < TOKENS; t++) {
          assertEquals(
              (float) expected.tokens().get(t).logProbability(), likely.path(t).floatValue());
        }
      }
      assertMetrics(server);
    }
  }

  /** Each name has its own metrics; those of the base model exclude its adapters. */
  private static void assertMetrics(TestServer server) {
    String metrics = server.get("/metrics").body();
    for (String name : COMPLETED.keySet()) {
      for (String line :
          List.of(
              "vidrio_requests_finished_total{finish=\"length\",gen_ai_request_model=\"%s\"} 8.0",
              "gen_ai_server_time_to_first_token_seconds_count{"
                  + OPERATION
                  + ",gen_ai_request_model=\"%s\"} 8",
              "gen_ai_server_request_duration_seconds_count{"
                  + OPERATION
                  + ",gen_ai_request_model=\"%s\"} 8")) {
        String expected = line.formatted(name);
        assertTrue(metrics.contains(expected), expected + " in\n" + metrics);
      }
      assertEquals(
          name.equals("tiny"), metrics.contains("running{gen_ai_request_model=\"" + name + "\"}"));
    }
  }

  @Test
  void allGenerationRoutesAcceptAdapters() {
    try (TestServer server = start()) {
      for (String name : CHATTED.keySet()) {
        String expected = CHATTED.get(name);
        String messages = "'messages':[{'role':'user','content':'" + PROMPT + "'}],";
        JsonNode chat = server.json("/v1/chat/completions", body(name, messages + GREEDY));
        assertEquals(
            expected, chat.path("choices").path(0).path("message").path("content").stringValue());
        String greedy = GREEDY.replace("max_tokens", "max_output_tokens");
        JsonNode response =
            server.json("/v1/responses", body(name, "'input':'" + PROMPT + "'," + greedy));
        assertEquals(
            expected,
            response.path("output").path(0).path("content").path(0).path("text").stringValue());
        String streamed =
            server
                .post("/v1/completions", body(name, "'prompt':'a','stream':true," + GREEDY))
                .body();
        assertTrue(streamed.contains("\"model\":\"" + name + "\""), streamed);
        assertTrue(streamed.endsWith("data: [DONE]\n\n"), streamed);
        JsonNode tokens = server.json("/tokenize", body(name, "'text':'" + PROMPT + "'}"));
        assertTrue(tokens.path("count").intValue() > 1);
        JsonNode vector =
            server
                .json("/v1/embeddings", body(name, "'input':'" + PROMPT + "'}"))
                .path("data")
                .path(0)
                .path("embedding");
        var values = new float[vector.size()];
        for (int i = 0; i < values.length; i++) {
          values[i] = vector.path(i).floatValue();
        }
        assertArrayEquals(EMBEDDED.get(name), values);
      }
    }
  }

  @Test
  void listsAdaptersWithTheirModel() {
    try (TestServer server = start()) {
      JsonNode models = read(server, "/v1/models").path("data");
      assertEquals(3, models.size());
      assertTrue(models.path(0).path("parent").isMissingNode());
      assertEquals("one", models.path(1).path("id").stringValue());
      assertEquals("tiny", models.path(1).path("parent").stringValue());
      assertEquals("tiny", read(server, "/v1/models/two").path("parent").stringValue());
      assertTrue(read(server, "/v1/models/two").path("loaded").booleanValue());
    }
  }

  private static JsonNode read(TestServer server, String path) {
    return JsonMapper.shared().readTree(server.get(path).body());
  }

  /** The window requests this for the selected model. */
  @Test
  void describesAdaptersByTheirModel() {
    try (TestServer server = start()) {
      var model = server.json("/v1/lens/model", "{'model':'tiny'}");
      var adapter = server.json("/v1/lens/model", "{'model':'one'}");
      assertTrue(model.path("parent").isMissingNode());
      assertEquals("one", adapter.path("model").stringValue());
      assertEquals("tiny", adapter.path("parent").stringValue());
      for (String field : List.of("layers", "width", "vocabulary", "chat", "hooks")) {
        assertEquals(model.path(field), adapter.path(field));
      }
    }
    try (TestServer steering =
        TestServer.start(
            options -> options.withEngine(options.engine().withLens(LensOptions.STEERING)),
            new ModelSource("tiny", () -> Model.open(tiny)).withAdapters(adapters))) {
      for (String name : List.of("tiny", "one")) {
        var json = steering.json("/v1/lens/model", "{'model':'" + name + "'}");
        assertEquals(name.equals("tiny"), json.path("steerable").booleanValue());
      }
    }
  }

  @Test
  void comparesModelWithItsAdapter() {
    try (TestServer server = start();
        Model model = Model.open(tiny);
        Adapter adapter = model.openAdapter(adapters.getFirst().file())) {
      int[] tokens = model.tokenizer().encode(PROMPT);
      Lens lens = Lens.of(model);
      Lens adapted = lens.adapted(new Adaptation(adapter, 1));
      List<Double> expected =
          PredictionComparison.of(lens, adapted, tokens, 0, 1).cells().stream()
              .map(PredictionComparison.Cell::divergence)
              .toList();
      JsonNode predictions =
          server
              .json("/v1/lens/compare", body("tiny", "'with':'one','prompt':'" + PROMPT + "'}"))
              .path("predictions");
      List<Double> actual = new ArrayList<>();
      predictions.forEach(each -> actual.add(each.path("kl_bits").doubleValue()));
      assertEquals(expected, actual);
      assertTrue(actual.getLast() > 0);
    }
  }

  @Test
  void comparesChangedModelWithItsAdapter() {
    try (TestServer server = start()) {
      String edit = "edits':['blocks.0.hook_mlp_out zero']";
      String text = ",'prompt':'" + PROMPT + "'}";
      double plain = divergence(server, "tiny", "'with':'one'" + text);
      assertNotEquals(plain, divergence(server, "tiny", "'with':'one','" + edit + text));
      assertNotEquals(plain, divergence(server, "one", "'with':'tiny','with_" + edit + text));
      assertEquals(
          "400 unsupported_parameter with_edits with_edits: not supported for an adapter",
          TestServer.error(
              server.post("/v1/lens/compare", body("tiny", "'with':'one','with_" + edit + text))));
      assertEquals(
          "400 unsupported_parameter edits edits: not supported for an adapter",
          TestServer.error(
              server.post("/v1/lens/compare", body("one", "'with':'tiny','" + edit + text))));
    }
  }

  private static double divergence(TestServer server, String model, String fields) {
    return server
        .json("/v1/lens/compare", body(model, fields))
        .path("predictions")
        .path(1)
        .path("kl_bits")
        .doubleValue();
  }

  @Test
  void lensRejectsAdapters() {
    try (TestServer server = start()) {
      String refused =
          "400 unsupported_parameter model model 'one': the lens does not support adapters;"
              + " use 'tiny'";
      assertEquals(
          refused,
          TestServer.error(server.post("/v1/lens/logits", body("one", "'prompt':'a','top':1}"))));
      String steering =
          "'prompt':'a','vidrio':{'steer':[{'hook':'blocks.0.hook_resid_post','strength':1,"
              + "'plus':'a','minus':'b'}]},";
      assertEquals(
          refused,
          TestServer.error(server.post("/v1/completions", body("one", steering + GREEDY))));
    }
  }

  @Test
  void loadsAndUnloadsAdaptersWithTheirModel() throws InterruptedException {
    try (TestServer server =
        TestServer.start(
            options -> options.withKeepAlive(Duration.ofMillis(50)),
            new ModelSource("tiny", () -> Model.open(tiny)).withAdapters(adapters))) {
      for (int round = 0; round < 3; round++) {
        while (server.server().status("tiny").isPresent()) {
          Thread.sleep(5);
        }
        JsonNode answer =
            server.json("/v1/completions", body("two", "'prompt':'" + PROMPT + "'," + GREEDY));
        assertEquals(
            completed("two").result().text(),
            answer.path("choices").path(0).path("text").stringValue());
      }
    }
  }

  @Test
  void rejectsInvalidAdaptersAtStart() throws IOException {
    Path other =
        TinyModel.write(
            directory.resolve("other.gguf"), TinyModel.Options.standard().withHeads(4, 4));
    Path missing = directory.resolve("none.gguf");
    Path text = Files.writeString(directory.resolve("text.gguf"), "no adapter");
    assertThrows(ModelFileException.class, () -> startSecond(tiny, "x", missing));
    assertThrows(ModelFileException.class, () -> startSecond(tiny, "x", text));
    assertThrows(ModelFileException.class, () -> startSecond(tiny, "x", tiny));
    var e =
        assertThrows(
            ModelFileException.class, () -> startSecond(other, "x", adapters.getFirst().file()));
    assertTrue(e.getMessage().contains("1.gguf"), e.getMessage());
    for (String taken : List.of("parrot", "second")) {
      var twice =
          assertThrows(
              InvalidInputException.class,
              () -> startSecond(tiny, taken, adapters.getFirst().file()));
      assertEquals("model " + taken + ": duplicate name", twice.getMessage());
    }
  }

  /** Starts a server with an adapter of its second model. */
  private static void startSecond(Path file, String id, Path adapter) {
    TestServer.start(
            options -> options,
            new ModelSource(TestServer.PARROT, TestServer::parrot),
            new ModelSource("second", () -> Model.open(file))
                .withAdapters(List.of(new AdapterSource(id, adapter, 1))))
        .close();
  }
}
