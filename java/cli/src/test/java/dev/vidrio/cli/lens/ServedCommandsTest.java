package dev.vidrio.cli.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.cli.option.CommandGroup;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.lens.TokenLimit;
import dev.vidrio.lens.decode.sae.index.IndexFile;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.ParrotModel;
import dev.vidrio.model.testfiles.TinyAdapter;
import dev.vidrio.server.command.LensCommands;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The commands of {@code vidrio lens} for clients of the server. */
class ServedCommandsTest {
  private static final String TEXT = "The king loves his queen. The queen loves";
  private static final String PAIRS =
      "The king loves\tThe duke loves\t king\t queen\nMy lord is\tMy lady is\t lord\t lady\n";

  private static final Path TRANSCODERS = Path.of("../../docs/lens/bard-transcoders");

  private static Model model;

  @TempDir private Path directory = Path.of("");

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.q8());
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private LensCommands.Result run(
      String command, Map<String, Object> options, Map<String, String> files) throws IOException {
    Map<String, byte[]> contents =
        files.entrySet().stream()
            .collect(
                Collectors.toMap(
                    Map.Entry::getKey, file -> file.getValue().getBytes(StandardCharsets.UTF_8)));
    return new ServedCommands(directory)
        .run(
            new LensCommands.Request("bard", command, List.of(), options, contents),
            model,
            ServedCommandsTest::noModel);
  }

  private static LensCommands.OpenModel noModel(String name) {
    throw new InvalidInputException("model", name, "not found");
  }

  private static JsonNode json(Object tree) {
    return JsonMapper.shared().valueToTree(tree);
  }

  /** Returns JSON as a client reads it, with all numbers as doubles or integers. */
  private static JsonNode read(Object tree) {
    return JsonMapper.shared().readTree(JsonMapper.shared().writeValueAsString(tree));
  }

  /** Runs a command in a process of its own, as its user would. */
  private static JsonNode local(String command, Map<String, Object> options) {
    List<String> args = new ArrayList<>(List.of("lens"));
    args.addAll(List.of(command.split(" ")));
    args.addAll(List.of("-m", BardFiles.q8().toString(), "--json"));
    options.forEach((name, value) -> args.add("--" + name + (flag(value) ? "" : "=" + value)));
    Cli result = Cli.run(args.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    JsonNode json = result.json();
    if (json instanceof ObjectNode object) {
      object.put("model", "bard");
    }
    return json;
  }

  private static boolean flag(Object value) {
    return value instanceof Boolean;
  }

  @Test
  void returnsTheContentOfAFile() throws IOException {
    Map<String, Object> options =
        Map.of("prompt", TEXT, "hooks", "blocks.0.*", "output", "a.safetensors");
    var request = new LensCommands.Request("bard", "cache", List.of(), options, Map.of());
    var commands = new ServedCommands(directory);
    byte[] content =
        commands.runForFile(
            request, model, ServedCommandsTest::noModel, "a.safetensors", Integer.MAX_VALUE);
    assertArrayEquals(run("cache", options, Map.of()).files().get("a.safetensors"), content);

    assertMessage(
        "command cache: b.safetensors: is not a file that the command writes",
        () ->
            commands.runForFile(
                request, model, ServedCommandsTest::noModel, "b.safetensors", Integer.MAX_VALUE));
    assertMessage(
        "command cache: ../a.safetensors: must be a relative path without . and ..",
        () ->
            commands.runForFile(
                request,
                model,
                ServedCommandsTest::noModel,
                "../a.safetensors",
                Integer.MAX_VALUE));
    assertMessage(
        "command cache: a.safetensors: %s bytes exceed the limit of 9".formatted(content.length),
        () -> commands.runForFile(request, model, ServedCommandsTest::noModel, "a.safetensors", 9));
  }

  private static void assertMessage(String expected, Executable call) {
    assertEquals(expected, assertThrows(InvalidInputException.class, call).getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "hooks",
    "logits",
    "attention",
    "dla",
    "attribute",
    "occlusion",
    "residual",
    "norms",
    "routes",
    "mixing",
    "spectrum"
  })
  void returnsTheJsonOfTheCommandLine(String command) throws IOException {
    Map<String, Object> options = command.equals("hooks") ? Map.of() : Map.of("prompt", TEXT);
    LensCommands.Result served = run(command, options, Map.of());
    assertEquals(local(command, options), read(served.json()));
    assertTrue(served.files().isEmpty());
  }

  @ParameterizedTest
  @CsvSource({"measure", "edges"})
  void readsFilesOfTheRequest(String command) throws IOException {
    Path file = Files.writeString(directory.resolve("pairs.tsv"), PAIRS);
    JsonNode expected = local(command, Map.of("pairs", file));
    Object sent = run(command, Map.of("pairs", "p.tsv"), Map.of("p.tsv", PAIRS)).json();
    assertEquals(expected, read(sent));
    Object shared = run(command, Map.of("pairs", "shared/pairs.tsv"), Map.of()).json();
    assertEquals(json(sent), json(shared));
  }

  @Test
  void readsHypothesesOfTheRequest() throws IOException {
    String hypothesis =
        "{\"logits\": [\"all\"], \"claims\": {\"all\": {\"components\": [\"*\"],"
            + " \"depends_on\": [\"answer\"]}}}";
    Map<String, Object> options =
        Map.of("pairs", "p.tsv", "hypothesis", List.of("a.json", "b.json"), "runs", 1);
    Map<String, String> files =
        Map.of("p.tsv", PAIRS + PAIRS, "a.json", hypothesis, "b.json", hypothesis);
    JsonNode found = json(run("scrub", options, files).json()).get("hypotheses");
    assertEquals("b.json", found.get(1).get("name").stringValue());
    assertEquals(found.get(0).get("runs"), found.get(1).get("runs"));
  }

  @Test
  void returnsWrittenFiles() throws IOException {
    LensCommands.Result page =
        run("attention", Map.of("prompt", TEXT, "output", "page.html"), Map.of());
    assertEquals(Set.of("page.html"), page.files().keySet());
    String html = new String(page.files().get("page.html"), StandardCharsets.UTF_8);
    assertTrue(html.startsWith("<!doctype html>"), html.substring(0, 40));
    String text = TEXT.repeat(40);
    Map<String, Object> options =
        Map.of(
            "file",
            "in/text.txt",
            "hook",
            "blocks.1.hook_resid_post",
            "output",
            "sae",
            "features",
            16,
            "k",
            4,
            "steps",
            2);
    LensCommands.Result trained = run("sae train", options, Map.of("in/text.txt", text));
    assertEquals(Set.of("sae/cfg.json", "sae/sae_weights.safetensors"), trained.files().keySet());
    Map<String, byte[]> files = trained.files();
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Path path = directory.resolve(file.getKey());
      Files.createDirectories(Objects.requireNonNull(path.getParent()));
      Files.write(path, file.getValue());
    }
    Map<String, Object> use = Map.of("sae", "shared/sae", "prompt", TEXT);
    assertFalse(json(run("sae features", use, Map.of()).json()).isEmpty());
  }

  /** The served model explains; a shared index is read only, so that results need a directory. */
  @Test
  void explainsFeaturesOfAnIndex() throws IOException {
    Map<String, Object> options =
        Map.of("sae", "shared/layer_1", "file", "t.txt", "output", "index");
    byte[] text = TEXT.repeat(20).getBytes(StandardCharsets.UTF_8);
    var request =
        new LensCommands.Request("bard", "sae index", List.of(), options, Map.of("t.txt", text));
    byte[] index =
        new ServedCommands(TRANSCODERS)
            .runForFile(
                request,
                model,
                ServedCommandsTest::noModel,
                "index/index.jsonl",
                Integer.MAX_VALUE);
    Path file = directory.resolve("index").resolve("index.jsonl");
    Files.createDirectory(directory.resolve("index"));
    Files.write(file, index);
    IndexFile read = IndexFile.open(file);
    List<Integer> active = new ArrayList<>();
    read.records(
        feature -> {
          if (feature.active() > 0) {
            active.add(feature.feature());
          }
        });
    Path parrot =
        ParrotModel.write(
            directory.resolve("parrot.gguf"),
            Map.of('!', List.of("[EXPLANATION]:", " words")),
            "!");
    try (Model chat = Model.open(parrot)) {
      int feature = active.getFirst();
      Map<String, Object> explain = Map.of("features", String.valueOf(feature), "no-scores", true);
      Map<String, Object> written = new HashMap<>(explain);
      written.put("output", "words");
      LensCommands.Result result = explain(chat, "shared/index", written, Map.of());
      JsonNode json = json(result.json());
      assertEquals("reader", json.get("explainer").stringValue());
      JsonNode explained = json.get("features").get(0);
      assertEquals(feature, explained.get("feature").intValue());
      assertEquals("words", explained.get("explanation").stringValue());
      assertTrue(
          result.files().containsKey("words/explanations.jsonl"),
          result.files().keySet().toString());

      LensCommands.Result sent =
          explain(chat, "index", explain, Map.of("index/index.jsonl", index));
      assertEquals(json, json(sent.json()));

      assertMessage(
          "command sae explain: shared/index: cannot be written",
          () -> explain(chat, "shared/index", explain, Map.of()));
      for (String option : List.of("url", "key-variable", "timeout", "model")) {
        assertMessage(
            "command sae explain: option " + option + ": not found",
            () -> explain(chat, "shared/index", Map.of(option, "http://127.0.0.1:1"), Map.of()));
      }
      written.put("context", 4097);
      assertMessage(
          "command sae explain: --context 4097: must be at most 4096",
          () -> explain(chat, "shared/index", written, Map.of()));
      assertTrue(chat.chatFormat().isPresent(), "the model is open");
    }
  }

  private LensCommands.Result explain(
      Model chat, String index, Map<String, Object> options, Map<String, byte[]> files)
      throws IOException {
    return new ServedCommands(directory)
        .run(
            new LensCommands.Request("reader", "sae explain", List.of(index), options, files),
            chat,
            ServedCommandsTest::noModel);
  }

  @Test
  void comparesWithAnAdapterOfTheRequest() throws IOException {
    Path tiny = directory.resolve("tiny.gguf");
    TinyModel.write(tiny, TinyModel.Options.standard());
    Path adapter = TinyAdapter.write(directory.resolve("lora.gguf"), 4, 16, 1);
    Cli local =
        Cli.run(
            "lens",
            "compare",
            "-m",
            tiny.toString(),
            "-p",
            "abc",
            "--adapter",
            adapter + "=0.5",
            "--json");
    assertEquals(0, local.code(), local.err());
    var commands = new ServedCommands(directory);
    try (Model adapted = Model.open(tiny)) {
      for (String name : List.of("sent/lora.gguf", "shared/lora.gguf")) {
        Map<String, Object> options = Map.of("prompt", "abc", "adapter", name + "=0.5");
        Map<String, byte[]> files =
            name.startsWith("sent") ? Map.of(name, Files.readAllBytes(adapter)) : Map.of();
        var request = new LensCommands.Request("tiny", "compare", List.of(), options, files);
        LensCommands.Result sent = commands.run(request, adapted, ServedCommandsTest::noModel);
        assertEquals(local.json().get("patched"), json(sent.json()).get("patched"));
        assertTrue(sent.files().isEmpty());
      }
    }
  }

  @Test
  void findsUniversalNeuronsOfAServedModel() throws IOException {
    Map<String, Object> local =
        Map.of("prompt", TEXT, "layer", 1, "with", BardFiles.q8().toString());
    Map<String, Object> options = Map.of("prompt", TEXT, "layer", 1, "with", "second");
    List<String> released = new ArrayList<>();
    var request = new LensCommands.Request("bard", "universal", List.of(), options, Map.of());
    LensCommands.Result found =
        new ServedCommands(null)
            .run(
                request,
                model,
                name -> new LensCommands.OpenModel(model, () -> released.add(name)));
    assertEquals(local("universal", local), read(found.json()));
    assertEquals(List.of("second"), released);
  }

  @Test
  void leavesNoFilesAndNoMemoryBehind() throws IOException {
    Map<String, String> file = Map.of("left-behind.txt", "x");
    run("attention", Map.of("prompt", TEXT, "output", "page.html"), file);
    assertThrows(InvalidInputException.class, () -> run("logits", Map.of("top", "many"), file));
    assertEquals(Set.of(), temporary("left-behind.txt"));
    assertArrayEquals(
        model.tokenizer().encode(TEXT), model.tokenizer().encode(TEXT), "the model is open");
  }

  /** Returns the temporary directories of commands that contain a file. */
  private static Set<Path> temporary(String file) throws IOException {
    try (var files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files
          .filter(path -> path.getFileName().toString().startsWith("vidrio-lens"))
          .filter(path -> Files.exists(path.resolve(file)))
          .collect(Collectors.toSet());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "nothing | prompt=a | command nothing: not found; GET /v1/lens/commands lists the commands",
        "sae | prompt=a | command sae: not found",
        "compare | prompt=a | command compare: Missing required option: '--adapter=FILE[=STRENGTH]'",
        "compare | adapter=/a.gguf | command compare: Invalid value for option '--adapter': /a.gguf:"
            + " must be",
        "compare | adapter=shared/a=0.5 | command compare: needs a text",
        "universal | with=other | model other: not found",
        "logits | model=x.gguf | command logits: option model: not found",
        "logits | json=true | command logits: option json: not found",
        "logits | verbose=1 | command logits: option verbose: not found",
        "logits | prompt=true | command logits: option prompt: must not be true",
        "logits | softmax=1 | command logits: option softmax: must be true or false",
        "logits | top=many | command logits: Invalid value for option '--top': 'many' is not an"
            + " int",
        "logits | top=1 | command logits: needs a text",
        "logits | file=- | command logits: -: no such file or directory",
        "logits | file=a.txt | command logits: a.txt: no such file or directory",
        "logits | file=../a.txt | command logits: Invalid value for option '--file': ../a.txt: must"
            + " be",
        "logits | file=/a.txt | command logits: Invalid value for option '--file': /a.txt: must be",
        "logits | file=a/./b | command logits: Invalid value for option '--file': a/./b: must be",
        "logits | file=shared/a.txt | command logits: shared/a.txt: no such file or directory",
        "patch | pairs=- | command patch: -: no such file or directory",
        "patch | clean=a | command patch: Missing required",
        "attention | output=shared/a.html | command attention: shared/a.html: cannot be written",
        "attention | output=b/a.html | command attention: b/a.html: no such directory: b",
      })
  void rejectsInvalidRequests(String command, String option, String expected) {
    int equals = option.indexOf('=');
    String value = option.substring(equals + 1);
    Object typed =
        value.equals("true") ? true : value.matches("\\d+") ? Integer.valueOf(value) : value;
    var e =
        assertThrows(
            InvalidInputException.class,
            () -> run(command, Map.of(option.substring(0, equals), typed), Map.of()));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith(expected), message);
    assertFalse(message.contains(System.getProperty("java.io.tmpdir") + "/"), message);
  }

  @Test
  void rejectsFilesOutsideOfTheWorkspaceInEdits() {
    for (String file : List.of("/tmp/x.safetensors:a", "../x.safetensors:a")) {
      Map<String, Object> options =
          Map.of("prompt", TEXT, "edit", "blocks.1.hook_resid_post add 1 " + file);
      var e = assertThrows(InvalidInputException.class, () -> run("logits", options, Map.of()));
      assertTrue(
          String.valueOf(e.getMessage()).contains("must be a relative path"), e.getMessage());
    }
  }

  @Test
  void rejectsInvalidFiles() {
    for (String name : List.of("../x", "/x", "a//b", "", "shared/x", "a\\b")) {
      var e =
          assertThrows(
              InvalidInputException.class,
              () -> run("logits", Map.of("prompt", TEXT), Map.of(name, "x")));
      assertTrue(String.valueOf(e.getMessage()).startsWith("command logits: "), e.getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "measure | {} | p.tsv: line 1: must be two texts and two tokens",
        "scrub | {} | h.json: claims: must be an object with a field for each claim",
        "scrub | {\"claims\": | h.json: invalid JSON",
      })
  void rejectsDamagedFilesOfTheRequest(String command, String content, String expected) {
    boolean scrub = command.equals("scrub");
    Map<String, Object> options =
        scrub ? Map.of("pairs", "p.tsv", "hypothesis", "h.json") : Map.of("pairs", "p.tsv");
    Map<String, String> files = Map.of("p.tsv", scrub ? PAIRS : content, "h.json", content);
    var e = assertThrows(InvalidInputException.class, () -> run(command, options, files));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("command " + command + ": " + expected), message);
  }

  @Test
  void errorsHideTheWorkspace() {
    var e =
        assertThrows(
            InvalidInputException.class,
            () -> run("sae norms", Map.of("sae", "features"), Map.of()));
    assertEquals("dictionary features: no such file", e.getMessage());
    Map<String, Object> edit = Map.of("prompt", TEXT, "edit", "hook_embed set x.safetensors:a");
    var other =
        assertThrows(
            InvalidInputException.class, () -> run("edit", edit, Map.of("x.safetensors", "")));
    assertTrue(other.getMessage().matches(".{0,20}x.safetensors: .*"), other.getMessage());
  }

  @Test
  void limitsTokens() {
    for (String command : List.of("logits", "attribute", "cache", "occlusion")) {
      assertLimited(command, Map.of("prompt", TEXT), Map.of());
    }
    assertLimited("edges", Map.of("pairs", "p.tsv"), Map.of("p.tsv", PAIRS));
  }

  private void assertLimited(
      String command, Map<String, Object> options, Map<String, String> files) {
    var e =
        assertThrows(
            InvalidInputException.class,
            () ->
                TokenLimit.call(
                    3,
                    () -> {
                      try {
                        return run(command, options, files);
                      } catch (IOException io) {
                        throw new AssertionError(io);
                      }
                    }));
    assertTrue(String.valueOf(e.getMessage()).contains("must be 0 to 3"), e.getMessage());
  }

  @Test
  void listsSharedFilesByTheNamesOfRequests(@TempDir Path shared) throws IOException {
    Files.createDirectory(shared.resolve("sae"));
    Files.writeString(shared.resolve("sae").resolve("cfg.json"), "{}");
    Files.writeString(shared.resolve("a.tsv"), "");
    assertEquals(
        List.of("shared/a.tsv", "shared/sae/cfg.json"), new ServedCommands(shared).sharedFiles());
    assertEquals(List.of(), new ServedCommands(null).sharedFiles());
  }

  @Test
  void listsDictionariesOfAllFormats(@TempDir Path shared) throws IOException {
    for (String file :
        List.of(
            "sae/cfg.json",
            "of/layers.1.mlp/cfg.json",
            "tracer/layer_0.safetensors",
            "tracer/layer_1.safetensors",
            "clt/W_enc_0.safetensors",
            "crosscoder/model.safetensors",
            "llama/model.safetensors")) {
      Path path = shared.resolve(file);
      Files.createDirectories(Objects.requireNonNull(path.getParent()));
      Files.createFile(path);
    }
    Files.writeString(shared.resolve("crosscoder/config.json"), "{\"dict_size\": 24}");
    Files.writeString(shared.resolve("llama/config.json"), "{\"model_type\": \"llama\"}");
    List<Map<String, Object>> expected =
        List.of(
            Map.of("name", "shared", "kind", "directories"),
            Map.of("name", "shared/clt", "kind", "cross_layer", "layers", 1),
            Map.of("name", "shared/crosscoder", "kind", "crosscoder"),
            Map.of("name", "shared/of", "kind", "directories"),
            Map.of("name", "shared/of/layers.1.mlp", "kind", "single"),
            Map.of("name", "shared/sae", "kind", "single"),
            Map.of("name", "shared/tracer", "kind", "layers", "layers", 2));
    assertEquals(expected, new ServedCommands(shared).dictionaries());
    assertEquals(List.of(), new ServedCommands(null).dictionaries());
  }

  /** All commands below a group, too. */
  @Test
  void describesAllCommandsOfTheLens() {
    JsonNode list = json(new ServedCommands(null).describe());
    var all = new CommandLine(new LensCommand());
    CommandGroup.add(all, List.of());
    assertEquals(
        leaves(all, ""), list.valueStream().map(c -> c.path("name").stringValue()).toList());
    for (JsonNode command : list) {
      assertFalse(command.path("description").stringValue().isBlank());
      for (JsonNode option : concat(command.path("options"), command.path("arguments"))) {
        assertFalse(option.path("name").stringValue().isBlank(), command.toString());
        assertFalse(option.path("description").stringValue().contains("${"), option.toString());
        if (option.path("placeholder").stringValue().startsWith("FILE")) {
          assertEquals("file", option.path("type").stringValue(), option.toString());
        }
      }
    }
  }

  private static List<String> leaves(CommandLine group, String prefix) {
    List<String> names = new ArrayList<>();
    group
        .getSubcommands()
        .forEach(
            (name, command) -> {
              List<String> below = leaves(command, prefix + name + " ");
              names.addAll(below.isEmpty() ? List.of(prefix + name) : below);
            });
    return names;
  }

  private static Collection<JsonNode> concat(JsonNode first, JsonNode second) {
    List<JsonNode> all = new ArrayList<>(first.values());
    all.addAll(second.values());
    return all;
  }
}
