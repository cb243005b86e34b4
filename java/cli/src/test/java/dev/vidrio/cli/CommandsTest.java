package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.testfiles.ParrotModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;

/** Commands on the embedded model. */
class CommandsTest {
  private static final String PROMPT = "To be, or not to be";

  @TempDir Path directory;

  @Test
  void runTakesModelAndTextAsArguments() {
    Cli expected = Cli.run("run", "-m", "bard", "-p", PROMPT, "-n", "4", "--temp", "0");
    assertEquals(expected.out(), Cli.run("run", "bard", PROMPT, "-n", "4", "--temp", "0").out());
    assertEquals(
        expected.out(), Cli.run("run", "-m", "bard", PROMPT, "-n", "4", "--temp", "0").out());
    Cli twoModels = Cli.run("run", "bard", PROMPT, "-m", "bard");
    assertEquals(2, twoModels.code());
    assertTrue(twoModels.err().startsWith("vidrio: two models: -m bard and bard"), twoModels.err());
    assertEquals(2, Cli.run("run", "-m", "bard", PROMPT, "-p", PROMPT).code());
    assertEquals(2, Cli.run("run", "bard", PROMPT, "-p", PROMPT).code());
    Cli onlyText = Cli.run("run", PROMPT);
    assertEquals(2, onlyText.code());
    assertTrue(onlyText.err().startsWith("vidrio: not a model: " + PROMPT), onlyText.err());
  }

  @Test
  void completionScriptNamesCommandsAndModels() {
    String script = Cli.run("completion").out();
    for (String word : new String[] {"quantize", "attribute", "--top-k", "smollm2"}) {
      assertTrue(script.contains(word), word);
    }
  }

  @Test
  void runContinuesText() {
    Cli result = Cli.run("run", "-p", PROMPT, "-n", "20", "--temp", "0");
    assertEquals(0, result.code(), result.err());
    assertFalse(result.out().isBlank());
    assertEquals("", result.err());
    assertEquals(result.out(), Cli.run("run", "-p", PROMPT, "-n", "20", "--temp", "0").out());
  }

  @Test
  void runReadsTextFromFileAndStandardInput() throws IOException {
    Path file = Files.writeString(directory.resolve("prompt.txt"), PROMPT);
    String expected = Cli.run("run", "-p", PROMPT, "-n", "8", "--temp", "0").out();
    assertEquals(expected, Cli.run("run", "-f", file.toString(), "-n", "8", "--temp", "0").out());
    assertEquals(expected, Cli.runWithInput(PROMPT, "run", "-n", "8", "--temp", "0").out());
    assertEquals(
        expected, Cli.runWithInput(PROMPT, "run", "-f", "-", "-n", "8", "--temp", "0").out());
  }

  @Test
  void runFollowsGrammar() throws IOException {
    Path schema =
        Files.writeString(
            directory.resolve("schema.json"),
            """
            {"type": "object",
             "properties": {"act": {"enum": ["I", "II", "III"]}, "scene": {"type": "integer",
               "minimum": 1, "maximum": 9}},
             "required": ["act", "scene"]}
            """);
    Cli json = Cli.run("run", "-p", PROMPT, "--json-schema", schema.toString());
    assertTrue(
        json.out().matches("\\{\\s*\"act\": ?\"I+\",\\s*\"scene\": ?[1-9]\\s*}\n"), json.out());
    Cli regex = Cli.run("run", "-p", PROMPT, "--regex", "(Ham|Haml)et[.!?]");
    assertTrue(regex.out().matches("(Ham|Haml)et[.!?]\n"), regex.out());
    Path ebnf =
        Files.writeString(
            directory.resolve("words.gbnf"),
            "root ::= word (\" \" word){2} \".\"\nword ::= [a-z]{2,6}");
    JsonNode words = Cli.run("run", "-p", PROMPT, "--grammar", ebnf.toString(), "--json").json();
    assertTrue(words.get("text").stringValue().matches("[a-z]{2,6}( [a-z]{2,6}){2}\\."));
    assertEquals("stop", words.get("finish").stringValue());

    assertEquals(1, Cli.run("run", "-p", PROMPT, "--regex", "(a").code());
    assertEquals(2, Cli.run("run", "--regex", "a", "--grammar", ebnf.toString()).code());
  }

  @Test
  void runFillsGapBeforeSuffix() throws IOException {
    Path file = directory.resolve("coder.gguf");
    List<String> script = List.of("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", " r * r");
    ParrotModel.write(file, Map.of('@', script));
    String[] fill = {"run", "-m", file.toString(), "--temp", "0", "--suffix", "}", "-p", "f(r) {"};
    assertEquals(" r * r", Cli.run(fill).out().stripTrailing());
    Cli bard = Cli.run("run", "-p", PROMPT, "--suffix", "b");
    assertEquals(1, bard.code());
    assertTrue(bard.err().contains("--suffix: not supported: the vocabulary of bard"), bard.err());
  }

  @Test
  void runSearchesWithBeams() {
    String greedy = Cli.run("run", "-p", PROMPT, "-n", "20", "--temp", "0").out();
    assertEquals(greedy, Cli.run("run", "-p", PROMPT, "-n", "20", "--beams", "1").out());
    Cli result =
        Cli.run("run", "-p", PROMPT, "-n", "20", "--beams", "3", "--length-penalty", "0", "--json");
    assertEquals(0, result.code(), result.err());
    JsonNode best = result.json();
    double sum = 0;
    for (JsonNode logProbability : best.get("logprobs")) {
      sum += logProbability.doubleValue();
    }
    // There is no length penalty and no end-of-text token.
    assertEquals("length", best.get("finish").stringValue());
    assertEquals(best.get("score").doubleValue(), sum, 1e-9);
    assertEquals(2, best.get("others").size());
    for (JsonNode other : best.get("others")) {
      assertTrue(other.get("score").doubleValue() <= sum);
    }

    assertEquals(1, Cli.run("run", "-p", PROMPT, "--beams", "2", "--temp", "1").code());
    assertEquals(2, Cli.run("run", "-p", PROMPT, "--length-penalty", "2").code());
    assertEquals(2, Cli.run("run", "-p", PROMPT, "--beams", "0").code());
  }

  @Test
  void runPrintsJson() throws IOException {
    JsonNode text = Cli.run("run", "-p", PROMPT, "-n", "12", "--seed", "3", "--json").json();
    assertEquals(12, text.get("ids").size());
    assertEquals(12, text.get("logprobs").size());
    assertEquals("length", text.get("finish").stringValue());
    assertEquals(3, text.get("seed").intValue());
    text.get("logprobs").forEach(logprob -> assertTrue(logprob.doubleValue() <= 0));

    Path ids = Files.writeString(directory.resolve("ids.json"), text.get("prompt_ids").toString());
    JsonNode same =
        Cli.run("run", "--ids", ids.toString(), "-n", "12", "--seed", "3", "--json").json();
    assertEquals(text.get("ids"), same.get("ids"));
    JsonNode other = Cli.run("run", "-p", PROMPT, "-n", "12", "--seed", "4", "--json").json();
    assertFalse(text.get("ids").equals(other.get("ids")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"native", "vector", "scalar"})
  @Tag("long")
  void everyExecutorGivesTheSameResult(String executor) {
    JsonNode expected = Cli.run("run", "-p", PROMPT, "-n", "6", "--temp", "0", "--json").json();
    Cli result =
        Cli.run(
            "run",
            "-p",
            PROMPT,
            "-n",
            "6",
            "--temp",
            "0",
            "--json",
            "--executor",
            executor,
            "-t",
            "2");
    assertEquals(0, result.code(), result.err());
    assertEquals(expected.get("ids"), result.json().get("ids"));
    assertEquals(expected.get("logprobs"), result.json().get("logprobs"));
  }

  @Test
  void choosesArithmetic() {
    JsonNode expected = inArithmetic("bf16").json();
    assertEquals(4, expected.get("ids").size());
    JsonNode scalar = inArithmetic("bf16", "--executor", "scalar").json();
    assertEquals(expected.get("ids"), scalar.get("ids"));
    Cli refused = inArithmetic("fp8");
    assertEquals(2, refused.code());
    assertTrue(refused.err().contains("--arithmetic"), refused.err());
    assertTrue(refused.err().contains("INT8"), refused.err());
  }

  private static Cli inArithmetic(String name, String... more) {
    List<String> arguments =
        new ArrayList<>(List.of("run", "-p", PROMPT, "-n", "4", "--temp", "0", "--json"));
    arguments.addAll(List.of("--arithmetic", name));
    arguments.addAll(List.of(more));
    return Cli.run(arguments.toArray(String[]::new));
  }

  @Test
  void tokenizePrintsIdsAndPieces() throws IOException {
    Cli ids = Cli.run("tokenize", "--ids", "HAMLET.\nTo be, or not to be");
    assertEquals("[1968,635,52,14,199,410,305,12,526,324,290,305]", ids.out().strip());
    assertTrue(Cli.run("tokenize", "a\n").out().contains("\"\\n\""));
    // The module's directory, where tests run, has a file of this name.
    assertTrue(Cli.run("tokenize", "@pom.xml").out().contains("\"@\""));
    assertEquals("[0]", Cli.run("tokenize", "--ids", "<|endoftext|>").out().strip());
    assertFalse(
        Cli.run("tokenize", "--ids", "--no-special", "<|endoftext|>").out().strip().equals("[0]"));
    assertEquals("[0,65]", Cli.runWithInput("a", "tokenize", "--ids", "--bos").out().strip());
    assertEquals("[65]", Cli.runWithInput("a", "tokenize", "--ids", "-f", "-").out().strip());
    Path batch = Files.writeString(directory.resolve("strings.json"), "[\"a\", \"\", \" a\"]");
    assertEquals("[[65],[],[259]]", Cli.run("tokenize", "--batch", batch.toString()).out().strip());
  }

  @Test
  void tokenizeReadsTokenizerOnly() throws IOException {
    GgufWriter writer = TinyModel.writer(TinyModel.Options.standard());
    byte[] file = writer.string("general.architecture", "mamba").toBytes();
    String path = Files.write(directory.resolve("mamba.gguf"), file).toString();
    assertTrue(Cli.run("run", "-m", path, "-p", "a").err().contains("mamba"));
    Cli tokens = Cli.run("tokenize", "-m", path, "--ids", "a");
    assertEquals(0, tokens.code(), tokens.err());
    assertEquals(1, tokens.json().size());
    Cli none = Cli.run("tokenize", "-m", directory.toString(), "a");
    assertTrue(none.err().contains("tokenizer.json"), none.err());
  }

  @Test
  void embedPrintsVectorPerText() throws IOException {
    Path batch = Files.writeString(directory.resolve("strings.json"), "[\"a\", \"To be\"]");
    JsonNode json = Cli.run("embed", "--batch", batch.toString(), "--normalize", "--json").json();
    assertEquals(2, json.get("embeddings").size());
    double squares = 0;
    for (JsonNode value : json.get("embeddings").get(1)) {
      squares += value.doubleValue() * value.doubleValue();
    }
    assertEquals(1, squares, 1e-5);
    assertFalse(Cli.run("embed", "-p", "a", "--pooling", "last").out().isBlank());
    JsonNode cut =
        Cli.run("embed", "--batch", batch.toString(), "--dimensions", "3", "--json").json();
    assertEquals(3, cut.get("embeddings").get(1).size());
    Cli tooMany = Cli.run("embed", "-p", "a", "--dimensions", "9999");
    assertTrue(tooMany.err().contains("dimensions 9999: must be 1 to "), tooMany.err());
  }

  @Test
  void rerankOrdersDocuments() throws IOException {
    String model = TinyModel.writeReranker(directory.resolve("reranker.gguf")).toString();
    Path documents = Files.writeString(directory.resolve("documents.json"), "[\"a\", \"b c\"]");
    String[] command = {"rerank", "-m", model, "sun", "--documents", documents.toString()};
    Cli text = Cli.run(command);
    assertEquals(0, text.code(), text.err());
    assertEquals(3, text.out().lines().count());
    JsonNode json = Cli.run(concat(command, "--json", "--top-n", "1")).json();
    assertEquals(1, json.get("results").size());
    assertTrue(json.get("results").get(0).get("relevance_score").doubleValue() < 1);
    assertTrue(json.get("tokens").intValue() > 100);
    JsonNode other = Cli.run(concat(command, "--json", "--instruction", "Find")).json();
    assertTrue(other.get("tokens").intValue() < json.get("tokens").intValue());
    Files.writeString(documents, "[\"" + "x".repeat(2000) + "\"]");
    Cli tooLong = Cli.run(command);
    assertTrue(tooLong.err().contains("document 0 "), tooLong.err());
    assertEquals(0, Cli.run(concat(command, "--truncate")).code());
    Files.writeString(documents, "[]");
    assertTrue(Cli.run(command).err().contains("must have at least one document"));
    assertTrue(Cli.run(concat(command, "--top-n", "0")).err().contains("--top-n 0: must be 1"));
  }

  private static String[] concat(String[] command, String... more) {
    return Stream.concat(Stream.of(command), Stream.of(more)).toArray(String[]::new);
  }

  @Test
  void tokenizePrintsPairs() throws IOException {
    Path pairs = Files.writeString(directory.resolve("pairs.json"), "[[\"a\", \"b\"]]");
    Cli whole = Cli.run("tokenize", "--pairs", pairs.toString());
    assertEquals("[[[0,65,66],[0,0,0]]]", whole.out().strip(), whole.err());
    Cli cut = Cli.run("tokenize", "--pairs", pairs.toString(), "--max-tokens", "2");
    assertEquals("[[[0,66],[0,0]]]", cut.out().strip(), cut.err());
    Files.writeString(pairs, "[[\"a\"]]");
    assertTrue(
        Cli.run("tokenize", "--pairs", pairs.toString())
            .err()
            .contains("element [\"a\"]: must be an array of 2 strings"));
    assertTrue(Cli.run("tokenize", "a", "--max-tokens", "1").err().contains("needs --pairs"));
  }

  @Test
  void toolsNeedChatTemplate() throws IOException {
    Path tools = Files.writeString(directory.resolve("tools.json"), "[]");
    Cli result = Cli.run("run", "-p", PROMPT, "--tools", tools.toString());
    assertEquals(1, result.code());
    assertTrue(result.err().contains("--tools"), result.err());
    Files.writeString(tools, "[{\"name\": \"clock\"}]");
    assertTrue(Cli.run("run", "--tools", tools.toString()).err().contains("element 0"));
  }

  @Test
  void inspectPrintsFile() {
    Cli text = Cli.run("inspect");
    assertEquals(0, text.code(), text.err());
    assertTrue(text.out().contains("llama.block_count"), text.out());
    JsonNode json = Cli.run("inspect", "--json").json();
    assertEquals(4, json.get("runtime").get("layers").intValue());
    assertEquals(38, json.get("tensors").size());
    JsonNode runtime = json.get("runtime");
    assertTrue(runtime.get("matrix_bytes_packed").longValue() > 0);
    assertEquals(0, runtime.get("matrix_bytes_mapped").longValue());
    JsonNode mapped = Cli.run("inspect", "--no-repack", "--json").json().get("runtime");
    assertEquals(0, mapped.get("matrix_bytes_packed").longValue());
    assertTrue(mapped.get("matrix_bytes_mapped").longValue() > 0);
  }

  @Test
  void listIncludesEmbeddedModel() {
    assertTrue(Cli.run("list").out().contains("embedded"));
    assertEquals("bard", Cli.run("list", "--json").json().get(0).get("name").stringValue());
  }

  @Test
  void doctorReportsMachine() {
    JsonNode json = Cli.run("doctor", "--json").json();
    assertTrue(json.get("isas").valueStream().anyMatch(isa -> isa.stringValue().equals("scalar")));
    assertTrue(json.get("bf16_products").stringValue().contains("--arithmetic bf16"));
    assertTrue(json.get("native_library").stringValue().endsWith(".so"));
    assertTrue(json.get("topology").get("cores").intValue() >= 1);
    assertTrue(json.get("topology").get("nodes").get(0).has("processors"));
    assertTrue(json.get("workers").stringValue().matches("\\d+ workers?: .+"));
    assertFalse(json.get("placement").stringValue().isEmpty());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run --no-such-option",
        "run -n many",
        "run -t 0",
        "run --isa z80",
        "run --executor magic",
        "run -p a -f b",
        "bench -r 0",
        "bench -t 1,x",
        "bench -t 1,2 --ops",
        "size -p 0",
        "size --cores 0",
        "size --cores 1000",
        "size --nodes 0",
        "size --cores 2 --bandwidth 1 --nodes 3",
        "size --bandwidth 0",
        "size --rate -1",
        "run -t 1,2",
        "run -t 2 --decode-threads 3",
        "run --decode-threads 0",
        "run --decode-threads 1 --executor scalar",
        "eval logits",
        "lens logits",
        "lens tune -o x.safetensors",
        "tokenize -t 2 a",
        "run -p a --temp 2.1",
        "tokenize a -f b",
        "pull",
        "nonsense",
        "run --isa avx2 --executor scalar"
      })
  void wrongUsageExitsWithTwo(String line) {
    Cli result = Cli.run(line.split(" "));
    assertEquals(2, result.code(), result.err());
    assertEquals("", result.out());
    assertTrue(result.err().startsWith("vidrio: "), result.err());
    assertTrue(result.err().lines().count() <= 3, result.err());
  }

  @ParameterizedTest
  @CsvSource({"lens,Activations:", "lens sae,Commands:", "eval,Commands:"})
  void groupsWithoutACommandListTheirCommands(String group, String heading) {
    Cli result = Cli.run(group.split(" "));
    assertEquals(2, result.code());
    assertEquals("", result.out());
    assertTrue(result.err().startsWith("vidrio: " + group + ": needs a command\n"), result.err());
    assertTrue(result.err().contains(heading), result.err());
  }

  /** Runs every example but the server, which does not end. */
  @Test
  void examplesWork() {
    Cli all = Cli.run();
    assertEquals(0, all.code(), all.err());
    List<String> examples = new ArrayList<>(examples(all.out()));
    examples.addAll(examples(Cli.run("lens").err()));
    assertEquals(6, examples.size());
    assertTrue(examples.remove("vidrio serve"));
    for (String example : examples) {
      String[] arguments =
          Pattern.compile("\"([^\"]*)\"|(\\S+)")
              .matcher(example.replace("attention.html", directory.resolve("page.html").toString()))
              .results()
              .skip(1)
              .map(word -> word.group(1) == null ? word.group(2) : word.group(1))
              .toArray(String[]::new);
      Cli result = Cli.run(arguments);
      assertEquals(0, result.code(), example + ": " + result.err());
      assertFalse(result.out().isBlank(), example);
    }
  }

  private static List<String> examples(String help) {
    return help.lines()
        .dropWhile(line -> !line.equals("Examples:"))
        .skip(1)
        .map(String::strip)
        .toList();
  }

  @Test
  void helpListsCommandsOnceBelowHeadings() {
    String help = Cli.run("lens", "--help").out();
    assertTrue(help.indexOf("Interventions:") < help.indexOf("  patch "), help);
    assertEquals(help.indexOf("  patch "), help.lastIndexOf("  patch "), help);
    assertFalse(help.contains("Commands:"), help);
    assertTrue(Cli.run("--help").out().contains("Commands:"));
  }

  @Test
  void helpSpellsValuesAsDefaults() {
    String help = Cli.run("run", "--help").out();
    assertTrue(help.contains("native, vector, scalar"), help);
    assertFalse(help.contains("NATIVE"), help);
    assertFalse(Cli.run("lens", "steer", "--help").out().contains("--beams"));
    assertFalse(Cli.run("tokenize", "--help").out().contains("--executor"));
  }

  @Test
  void everyCommandHasHelp() {
    for (CommandLine command : all(Main.complete())) {
      String name = command.getCommandSpec().qualifiedName();
      Cli result = Cli.run((name + " --help").replaceFirst("^vidrio ?", "").split(" "));
      assertEquals(0, result.code(), name);
      assertTrue(result.out().contains("Usage: " + name), result.out());
      assertEquals("", result.err(), name);
    }
  }

  private static List<CommandLine> all(CommandLine command) {
    List<CommandLine> all = new ArrayList<>(List.of(command));
    command.getSubcommands().values().forEach(sub -> all.addAll(all(sub)));
    return all;
  }
}
