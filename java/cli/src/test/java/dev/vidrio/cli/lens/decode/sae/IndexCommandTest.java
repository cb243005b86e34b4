package dev.vidrio.cli.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.lens.decode.sae.index.FeatureRecord;
import dev.vidrio.lens.decode.sae.index.IndexFile;
import dev.vidrio.model.testfiles.ParrotModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code vidrio lens sae index} and {@code explain} with transcoders of the embedded model. */
@Tag("long")
class IndexCommandTest {
  private static final String TRANSCODERS = "../../docs/lens/bard-transcoders";
  private static final String TEXT = "../../docs/lens/speeches.txt";
  private static final Pattern DATA =
      Pattern.compile(
          "<script type=\"application/json\" id=\"data\">(.*?)</script>", Pattern.DOTALL);

  /** Marks of a line of a question. */
  private static final Pattern MARKED = Pattern.compile("<<(.*?)>>");

  @TempDir private Path directory = Path.of("");

  private static Cli done(String... arguments) {
    Cli result = Cli.run(arguments);
    assertEquals(0, result.code(), result.err());
    return result;
  }

  private static String[] index(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("lens", "sae", "index", "--sae", TRANSCODERS + "/layer_1", "-f", TEXT));
    arguments.addAll(List.of(more));
    return arguments.toArray(String[]::new);
  }

  private static JsonNode data(Path page) throws IOException {
    Matcher matcher = DATA.matcher(Files.readString(page));
    assertTrue(matcher.find());
    return JsonMapper.shared().readTree(matcher.group(1)).get("pictures").get(0).get("view");
  }

  @Test
  void printsFeaturesWithLargestActivations() {
    List<String> lines = done(index("--top", "3")).out().lines().toList();
    assertEquals(6, lines.size());
    lines.forEach(line -> assertTrue(line.length() <= 100, line));
    assertTrue(
        lines.getFirst().startsWith("layer_1 of blocks.1.ln2.hook_normalized: "), lines.getFirst());
    JsonNode json = done(index("--top", "3", "--json")).json().get("dictionaries").get(0);
    JsonNode largest = json.get("largest");
    assertEquals(3, largest.size());
    for (int i = 0; i < 3; i++) {
      JsonNode feature = largest.get(i);
      assertTrue(lines.get(i + 3).startsWith("#" + feature.get("feature").intValue() + " "));
      assertTrue(lines.get(i + 3).contains("["), lines.get(i + 3));
      assertTrue(
          i == 0 || feature.get("max").floatValue() <= largest.get(i - 1).get("max").floatValue());
    }
  }

  @Test
  void writesPagesAndIndex() throws IOException {
    Path output = directory.resolve("a").resolve("index");
    done(index("-o", output.toString()));
    IndexFile file = IndexFile.open(output.resolve("index.jsonl"));
    assertEquals("bard", file.header().model());
    List<FeatureRecord> records = new ArrayList<>();
    file.records(records::add);
    JsonNode rows = data(output.resolve("index.html")).get("rows");
    assertEquals(256, rows.size());
    for (int f = 0; f < 256; f++) {
      JsonNode row = rows.get(f);
      assertEquals(f, row.get("feature").intValue());
      assertEquals("features-00%d00.html".formatted(f / 100), row.get("page").stringValue());
    }
    JsonNode cards = data(output.resolve("features-00200.html")).get("cards");
    assertEquals(56, cards.size());
    JsonNode card = cards.get(41);
    assertEquals(241, card.get("feature").intValue());
    assertEquals(records.get(241).active(), card.get("active").longValue());
    assertEquals(records.get(241).top().size(), card.get("top").size());
    assertEquals(10, card.get("promoted").size());
    // Pages refer to nothing but each other.
    assertFalse(Files.readString(output.resolve("index.html")).contains("://"));
  }

  @Test
  void severalDictionariesHaveDirectories() {
    Path output = directory.resolve("indexes");
    String out = done(index("--sae", TRANSCODERS + "/layer_2", "-o", output.toString())).out();
    assertTrue(out.contains("layer_2 of blocks.2.ln2.hook_normalized"), out);
    assertTrue(Files.exists(output.resolve("layer_1").resolve("index.html")));
    assertEquals(
        "layer_2", IndexFile.open(output.resolve("layer_2/index.jsonl")).header().dictionary());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | no such file or directory | -f missing.txt",
        "2 | must be 1 to 1000 | -f TEXT --examples 0",
        "2 | must be at least 2 | -f TEXT --length 1",
        "2 | the names of the directories must differ | -f TEXT --sae DIR/layer_1",
        "1 | not a directory | -f TEXT -o TEXT/a",
        "1 | is not UTF-8 | -f BINARY",
        "1 | must have one of at least 2 tokens | -p a --length 2 --ids ONE",
        "2 | needs a text | -f EMPTY",
      })
  void reportsInvalidArguments(int code, String expected, String arguments) throws IOException {
    Path binary = Files.write(directory.resolve("binary"), new byte[] {'a', (byte) 0xff, 'b'});
    Path empty = Files.writeString(directory.resolve("empty"), "");
    Path one = Files.writeString(directory.resolve("one"), "[5]");
    List<String> all =
        new ArrayList<>(List.of("lens", "sae", "index", "--sae", TRANSCODERS + "/layer_1"));
    String filled =
        arguments
            .replace("-p a --length 2 ", "")
            .replace("TEXT", TEXT)
            .replace("DIR", TRANSCODERS)
            .replace("BINARY", binary.toString())
            .replace("EMPTY", empty.toString())
            .replace("ONE", one.toString());
    all.addAll(List.of(filled.split(" ", -1)));
    Cli result = Cli.run(all.toArray(String[]::new));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
    assertFalse(result.err().contains("\tat "), result.err());
  }

  /** Answers as a reader who marks tokens that are written alike. */
  private static String answer(String question) {
    List<String> examples = question.lines().filter(line -> line.startsWith("Example ")).toList();
    if (!question.startsWith("Feature: ")) {
      Matcher marked = MARKED.matcher(examples.getFirst());
      return "[EXPLANATION]: " + (marked.find() ? marked.group(1).strip() : "nothing");
    }
    String wanted = question.lines().findFirst().orElseThrow().substring("Feature: ".length());
    return examples.stream()
        .map(example -> example.contains(wanted) ? "1" : "0")
        .toList()
        .toString();
  }

  @Test
  void explainsFeaturesByAServer() throws IOException {
    done(index("-o", directory.toString()));
    try (ChatServer server = ChatServer.answering(IndexCommandTest::answer)) {
      String[] command = {
        "lens",
        "sae",
        "explain",
        directory.toString(),
        "--url",
        server.url(),
        "--features",
        features(),
        "--tested",
        "4",
        "--key-variable",
        "PATH"
      };
      List<String> lines = done(command).out().lines().toList();
      assertEquals("feature   own other    own other  explanation", lines.get(1));
      assertEquals(2 + 3 + 2, lines.size());
      assertTrue(
          lines.getLast().startsWith("3 explanations by reader, 0 malformed; 0 of "),
          lines.getLast());
      assertEquals("Bearer " + System.getenv("PATH"), server.keys().getFirst());
      // All is there, so that nothing is asked again.
      int requests = server.requests().size();
      List<String> all = new ArrayList<>(List.of(command));
      all.add("--json");
      JsonNode json = done(all.toArray(String[]::new)).json();
      assertEquals(requests, server.requests().size());
      assertEquals(0, json.get("requests").intValue());
      assertTrue(json.get("complete").booleanValue());
      assertEquals(3, json.get("features").size());
      JsonNode first = json.get("features").get(0);
      assertTrue(first.get("detection").get("accuracy").isNumber());
      int number = first.get("feature").intValue();
      JsonNode row = data(directory.resolve("index.html")).get("rows").get(number);
      assertEquals(first.get("explanation"), row.get("explanation"));
      JsonNode card =
          data(directory.resolve(row.get("page").stringValue())).get("cards").get(number % 100);
      assertEquals(2, card.get("scores").size());
      // Other options would not fit the results.
      all.add("--seed=1");
      Cli refused = Cli.run(all.toArray(String[]::new));
      assertEquals(1, refused.code());
      assertTrue(refused.err().contains("differ from those requested"), refused.err());
    }
  }

  /** Returns the numbers of the three features that are active most often. */
  private String features() {
    List<FeatureRecord> records = new ArrayList<>();
    IndexFile.open(directory.resolve("index.jsonl")).records(records::add);
    records.sort(Comparator.comparingLong(record -> -record.active()));
    return records.stream()
        .limit(3)
        .map(record -> Integer.toString(record.feature()))
        .reduce((a, b) -> a + "," + b)
        .orElseThrow();
  }

  @Test
  void failuresOfTheServerKeepResults() throws IOException {
    done(index("-o", directory.toString()));
    try (ChatServer server =
        new ChatServer(
            (exchange, request, number) -> {
              if (number == 2) {
                ChatServer.send(exchange, 400, Map.of("error", "context too long"));
              } else {
                ChatServer.message(exchange, "[EXPLANATION]: a word");
              }
            })) {
      String[] command = {
        "lens", "sae", "explain", directory.toString(), "--url", server.url(), "--no-scores"
      };
      Cli failed = Cli.run(command);
      assertEquals(1, failed.code());
      assertTrue(
          failed.err().contains("status 400: context too long; 2 explanations are in "),
          failed.err());
      assertTrue(done(command).out().contains("10 explanations by reader, 0 malformed"));
      assertEquals(3 + 8, server.requests().size());
    }
  }

  /** Writes a chat model that gives each question the same answer. */
  private String parrot() throws IOException {
    Map<Character, List<String>> answers =
        Map.of('!', List.of("[EXPLANATION]:", " words"), '?', List.of("[1, 0,", " 1, 0]"));
    String template =
        "{% if messages[-1].content.startswith('Feature: ') %}?{% else %}!{% endif %}";
    return ParrotModel.write(directory.resolve("parrot.gguf"), answers, template).toString();
  }

  @Test
  void explainsFeaturesInProcess() throws IOException {
    done(index("-o", directory.toString()));
    String[] command = {
      "lens",
      "sae",
      "explain",
      directory.toString(),
      "-m",
      parrot(),
      "--features",
      "20,28,32",
      "--tested",
      "2",
      "--batch",
      "4",
      "--json"
    };
    JsonNode json = done(command).json();
    assertEquals("parrot", json.get("explainer").stringValue());
    assertEquals(3 * (1 + 4), json.get("requests").intValue());
    assertEquals(0, json.get("malformed").intValue());
    for (JsonNode feature : json.get("features")) {
      assertEquals("words", feature.get("explanation").stringValue());
      for (String score : List.of("detection", "fuzzing", "other_detection", "other_fuzzing")) {
        JsonNode counts = feature.get(score);
        assertEquals(0, counts.get("failed").intValue());
        int yes = counts.get("true_positives").intValue();
        assertEquals(2, yes + counts.get("false_positives").intValue());
      }
    }
    assertEquals(0, done(command).json().get("requests").intValue());
  }

  @Test
  void reportsUnusableModelsOfExplanations() throws IOException {
    String index = directory.toString();
    done(index("-o", index));
    assertRejected(1, "bard: has no chat template", index, "-m", "bard");
    assertRejected(
        1,
        "the context has 16 positions (-c); 0 explanations are in ",
        index,
        "-m",
        longPrompts(),
        "-c",
        "16");
    assertRejected(1, "context 4096: the model was made for", index, "-m", parrot(), "-c", "4096");
  }

  /** Writes a chat model. Its prompts are the whole conversation. */
  private String longPrompts() throws IOException {
    Path file = directory.resolve("long.gguf");
    return ParrotModel.write(file, Map.of('?', List.of("no"))).toString();
  }

  @Test
  void reportsInvalidOptionsOfExplanations() {
    String index = directory.toString();
    done(index("-o", index));
    assertRejected(1, "index.jsonl: no such file", "missing", "-m", "bard");
    assertRejected(2, "needs a model that explains: -m MODEL, or --url URL", index);
    assertRejected(2, "--timeout: requires --url", index, "-m", "bard", "--timeout", "5");
    String url = "http://127.0.0.1:1";
    assertRejected(2, "--threads: not supported with --url", index, "--url", url, "-t", "1");
    assertRejected(2, "must be written as 3,17,40-59", index, "-m", "bard", "--features", "a");
    assertRejected(2, "must be 0 to 255", index, "-m", "bard", "--features", "200-256");
    assertRejected(2, "must be like http://127.0.0.1:8080", index, "--url", "host:80");
    assertRejected(2, "--count 0: must be at least 1", index, "--count", "0");
    assertRejected(2, "must be 1 to 1000", index, "--shown", "0");
    assertRejected(2, "context -1: must be", index, "-m", "bard", "-c", "-1");
  }

  private static void assertRejected(int code, String expected, String... arguments) {
    List<String> all = new ArrayList<>(List.of("lens", "sae", "explain"));
    all.addAll(List.of(arguments));
    Cli result = Cli.run(all.toArray(String[]::new));
    assertEquals(code, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
  }
}
