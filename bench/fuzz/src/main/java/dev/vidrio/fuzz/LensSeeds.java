package dev.vidrio.fuzz;

import dev.vidrio.cli.lens.ServedCommands;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.model.testfiles.TinyAdapter;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Seeds of {@link LensHarness}: requests of every route and of every command. */
final class LensSeeds {
  private static final String CLEAN = "ab abc";
  private static final String CORRUPTED = "ab abd";

  /** If true, slow commands have seeds, too. */
  private static final String WITH_SLOW = "vidrio.fuzz.slow";

  /** Commands that run for a second and more, until their code is compiled. */
  private static final Set<String> SLOW =
      Set.of(
          "align",
          "corpus",
          "facts trace",
          "faithfulness",
          "graph",
          "heads",
          "patch-neurons",
          "qk",
          "retrieval",
          "rewrite");

  /** Values of options by their names, for commands that have them. */
  private static final Map<String, Object> VALUES =
      Map.ofEntries(
          Map.entry("clean", CLEAN),
          Map.entry("corrupt", CORRUPTED),
          Map.entry("answer", "x"),
          Map.entry("wrong", "y"),
          Map.entry("subject", "ab"),
          Map.entry("plus", List.of("a")),
          Map.entry("minus", List.of("b")),
          Map.entry("steps", 2),
          Map.entry("samples", 2),
          Map.entry("runs", 2),
          Map.entry("trials", 2),
          Map.entry("epochs", 1),
          Map.entry("count", 2),
          Map.entry("length", 8),
          Map.entry("batch", 4),
          Map.entry("buffer", 16),
          Map.entry("features", 16),
          Map.entry("shots", 1),
          Map.entry("candidates", 4),
          Map.entry("limit", 2),
          Map.entry("tokens", 2),
          Map.entry("check", 1),
          Map.entry("rounds", 1));

  /** Values of required options. */
  private static final Map<String, Object> REQUIRED =
      Map.ofEntries(
          Map.entry("output", "out"),
          Map.entry("adapter", "lora.gguf"),
          Map.entry("with", TinyServers.MODEL),
          Map.entry("context", "abc"),
          Map.entry("layer", 1),
          Map.entry("file", "data.tsv"),
          Map.entry("text", "text.txt"),
          Map.entry("of", "L0.H1"),
          Map.entry("hypothesis", "h.json"),
          Map.entry("pairs", "data.tsv"),
          Map.entry("head", "L1.H0"),
          Map.entry("key", 1),
          Map.entry("sae", "sae"),
          Map.entry("feature", 1),
          Map.entry("value", 2),
          Map.entry("hook", "blocks.0.hook_resid_post"),
          Map.entry("needle", "abc"),
          Map.entry("question", "ab"));

  /** Values of options for single commands. */
  private static final Map<String, Map<String, Object>> OWN =
      Map.ofEntries(
          Map.entry("tune", Map.of("output", "out.safetensors")),
          Map.entry("jacobian", Map.of("output", "out.safetensors")),
          Map.entry("edit", Map.of("edit", "hook_embed zero")),
          Map.entry("routes", Map.of("average", true)),
          Map.entry("facts trace", Map.of("all", true)),
          Map.entry("facts knock-out", Map.of("all", true)),
          Map.entry("facts extract", Map.of("all", true)),
          Map.entry("facts context", Map.of("all", true)),
          Map.entry("function-vector", Map.of("heads", 2, "prompts", 2)),
          Map.entry("probe", Map.of("file", "data.tsv")),
          Map.entry("erase", Map.of("file", "data.tsv")),
          Map.entry("examples", Map.of("neuron", "blocks.0.mlp.hook_post:1")),
          Map.entry("inputs", Map.of("neuron", "blocks.0.mlp.hook_post:1")),
          Map.entry("weights", Map.of("neuron", "L0.N1")),
          Map.entry("sae train", Map.of("k", 2)),
          Map.entry(
              "sae train-cross", Map.of("hook", List.of("hook_embed", "hook_embed"), "k", 2)));

  private static final String PAIR = CLEAN + "\t" + CORRUPTED + "\tx\ty\n";

  /** Files by the names of the commands that read them, or their beginnings. */
  private static final Map<String, String> CONTENTS =
      Map.of(
          "facts", "ab\t{} is\tx\ncd\t{} is\ty\n",
          "function-vector", "t\ta\tx\nt\tb\ty\nt\tc\tz\nt\td\tw\nu\ta\tb\nu\tc\td\n",
          "probe", "one\tab\nmany\tabc\none\tac\nmany\tacd\none\tad\nmany\tade\n",
          "concepts", "one\tab\nmany\tabc\none\tac\nmany\tacd\n",
          "erase", "one\tab\nmany\tabc\none\tac\nmany\tacd\none\tad\nmany\tade\n",
          "syntax", "1\tab\t_\t_\t_\t_\t2\tdet\t_\t_\n2\tc\t_\t_\t_\t_\t0\troot\t_\t_\n\n");

  private static final String PAIRS = PAIR.repeat(4);

  private static final String HYPOTHESIS =
      """
      {"logits":["copy"],"claims":{"copy":{"components":["L1.H*"],"positions":[-1],
      "depends_on":["answer"],"inputs":{"v":["word"]}},"word":{"components":["embed","L0.*"],
      "positions":[0],"depends_on":["answer"]}}}
      """;

  private LensSeeds() {}

  /** Returns bodies with the byte of their route. */
  static List<byte[]> all() {
    List<byte[]> seeds = new ArrayList<>(LensBodies.all());
    JsonNode commands = JsonMapper.shared().valueToTree(new ServedCommands(null).describe());
    for (JsonNode command : commands) {
      Map<String, Object> body = new LinkedHashMap<>();
      String name = command.path("name").stringValue();
      if (SLOW.contains(name) && !Boolean.getBoolean(WITH_SLOW)) {
        continue;
      }
      body.put("command", name);
      if (command.path("arguments").path(0).path("required").asBoolean(false)) {
        body.put("arguments", List.of("ab", "abc"));
      }
      Map<String, Object> options = options(command.path("options"));
      options.putAll(OWN.getOrDefault(name, Map.of()));
      body.put("options", options);
      body.put("files", files(name));
      seeds.add(LensBodies.seed("commands", JsonMapper.shared().writeValueAsString(body)));
    }
    return seeds;
  }

  private static Map<String, Object> files(String command) {
    if (command.equals("compare")) {
      return Map.of("lora.gguf", Map.of("base64", adapter()));
    }
    String content =
        CONTENTS.entrySet().stream()
            .filter(each -> command.startsWith(each.getKey()))
            .map(Map.Entry::getValue)
            .findFirst()
            .orElse(PAIRS);
    return Map.of(
        "data.tsv", content, "text.txt", "abc abd abe.\n".repeat(6), "h.json", HYPOTHESIS);
  }

  /** Returns an adapter of a matrix of the tiny model. */
  private static String adapter() {
    GgufWriter writer =
        TinyAdapter.put(
            TinyAdapter.writer(1), "blk.0.attn_q.weight", GgmlType.F32, 1, new SplittableRandom(1));
    return Base64.getEncoder().encodeToString(writer.toBytes());
  }

  private static Map<String, Object> options(JsonNode options) {
    Map<String, Object> given = new LinkedHashMap<>();
    boolean hasPairs = false;
    for (JsonNode option : options) {
      hasPairs |= option.path("name").stringValue().equals("clean");
    }
    for (JsonNode option : options) {
      String name = option.path("name").stringValue();
      boolean isRequired = option.path("required").asBoolean(false);
      if (name.equals("prompt") && !hasPairs) {
        given.put(name, CLEAN);
      } else if (VALUES.containsKey(name)) {
        given.put(name, VALUES.get(name));
      } else if (isRequired) {
        given.put(name, REQUIRED.getOrDefault(name, 1));
      }
    }
    return given;
  }
}
