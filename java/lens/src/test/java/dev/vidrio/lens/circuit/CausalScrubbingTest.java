package dev.vidrio.lens.circuit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.circuit.ScrubHypothesis.Claim;
import dev.vidrio.lens.circuit.ScrubHypothesis.Input;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Causal scrubbing against the recursion of its definition, and against whole runs. */
class CausalScrubbingTest {
  /** Claims, some of them read twice, by some inputs, and at some positions. */
  private static final String HYPOTHESIS =
      """
      {
        "logits": ["late", "mlp"],
        "claims": {
          "late": {
            "components": ["L1.H1", "L1.mlp"],
            "positions": [-1, 2],
            "depends_on": ["class", "token[0]"],
            "inputs": {"q": ["embedding"], "v": ["heads"], "k": ["heads"]}
          },
          "mlp": {"components": ["L0.mlp"], "depends_on": ["class"], "inputs": ["embedding", "heads"]},
          "heads": {"components": ["L0.H*"], "depends_on": []},
          "embedding": {"components": ["embed"], "positions": [-2], "depends_on": ["class"]}
        }
      }
      """;

  @TempDir Path directory;

  /** Returns the metric of a text: texts have different answers. */
  private static Metric metric(int text) {
    return Metric.logitDifference(3 + text % 3, 20);
  }

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** Returns texts of two lengths and three classes. */
  private static List<ScrubText> texts() {
    var random = new Random(5);
    List<ScrubText> texts = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      int[] tokens = random.ints(i % 4 == 3 ? 5 : 7, 1, 40).toArray();
      tokens[0] = 1 + i % 2;
      texts.add(new ScrubText(tokens, metric(i), Map.of("class", Integer.toString(i % 3))));
    }
    return texts;
  }

  private static ScrubHypothesis parse(String json) {
    return ScrubHypothesisFile.parse("h.json", json);
  }

  private static CausalScrubbing scrub(Lens lens, List<ScrubText> texts, ScrubHypothesis of) {
    return CausalScrubbing.of(lens, texts, of, List.of(3L, 4L), share -> {});
  }

  @Test
  void equalsRecursionOfDefinition() throws IOException {
    ScrubHypothesis hypothesis = parse(HYPOTHESIS);
    List<ScrubText> texts = texts();
    try (Model model = open("llama");
        var recursion = new Recursion(Lens.of(model), texts, hypothesis)) {
      CausalScrubbing found = scrub(Lens.of(model), texts, hypothesis);
      for (CausalScrubbing.Run run : found.runs()) {
        for (int i = 0; i < texts.size(); i++) {
          double expected = recursion.run(run, i);
          assertEquals(expected, run.values().get(i), 1e-5 * (1 + Math.abs(expected)));
          assertNotEquals(found.model().get(i), run.values().get(i));
        }
        double random = mean(found.random());
        assertEquals(
            (run.mean() - random) / (mean(found.model()) - random), run.recovered(), 1e-12);
      }
      assertNotEquals(found.runs().getFirst().values(), found.runs().getLast().values());
    }
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }

  /** The definition, with a run of the model for each input of a component. */
  private static final class Recursion implements AutoCloseable {
    final Lens lens;
    final List<ScrubText> texts;
    final ScrubHypothesis hypothesis;
    final ComponentGraph graph;
    final List<ActivationCache> caches;
    int next;

    Recursion(Lens lens, List<ScrubText> texts, ScrubHypothesis hypothesis) {
      this.lens = lens;
      this.texts = texts;
      this.hypothesis = hypothesis;
      this.graph = ComponentGraph.of(lens);
      this.caches =
          texts.stream()
              .map(text -> lens.run(text.tokens(), Capture.of("*,*.hook_result")))
              .toList();
    }

    double run(CausalScrubbing.Run run, int text) {
      next = 1;
      assertEquals(text, run.agreeing().get(text).getFirst());
      int random = run.unclaimed().get(text).getFirst();
      Map<String, Map<Node.Source, float[]>> read = new LinkedHashMap<>();
      hypothesis.logits().forEach(claim -> read.put(claim, evaluate(claim, run, text)));
      var end = new HookPoint(HookSite.RESID_POST, lens.model().architecture().layers() - 1);
      float[] stream = stream(end, graph.sources().size(), random, read, claim -> true);
      return metric(text).of(lens, texts.get(text).tokens(), List.of(set(end, stream, text)));
    }

    private Intervention set(HookPoint point, float[] values, int text) {
      return Intervention.set(point, values).positions(0, texts.get(text).tokens().length);
    }

    private Map<Node.Source, float[]> evaluate(String name, CausalScrubbing.Run run, int text) {
      Claim claim = Objects.requireNonNull(hypothesis.claims().get(name));
      int index = next++;
      int own = run.agreeing().get(text).get(index);
      int random = run.unclaimed().get(text).get(index);
      Map<Node.Source, float[]> outputs = new LinkedHashMap<>();
      List<Node.Source> members =
          graph.sources().stream()
              .filter(
                  source ->
                      claim.components().stream()
                          .anyMatch(c -> source.name().matches(c.replace("*", ".*"))))
              .toList();
      Map<Input, List<String>> inputs = claim.inputs();
      if (inputs == null) {
        members.forEach(member -> outputs.put(member, output(member, caches.get(own))));
        return outputs;
      }
      Set<String> names = new LinkedHashSet<>();
      inputs.values().forEach(names::addAll);
      Map<String, Map<Node.Source, float[]>> read = new LinkedHashMap<>();
      names.forEach(child -> read.put(child, evaluate(child, run, text)));
      int[] tokens = texts.get(text).tokens();
      for (Node.Source member : members) {
        if (member instanceof Node.Mlp mlp) {
          HookPoint at = HookMap.of(lens.model()).beforeMlp(mlp.layer());
          float[] stream =
              stream(
                  at,
                  graph.inputCount(mlp),
                  random,
                  read,
                  child -> inputs.getOrDefault(Input.ALL, List.of()).contains(child));
          var edits = List.of(set(at, stream, text));
          try (ActivationCache cache = lens.run(tokens, Capture.of("*.hook_mlp_out"), edits)) {
            outputs.put(member, output(member, cache));
          }
        } else if (member instanceof Node.Head head) {
          outputs.put(member, head(head, tokens, text, random, read, inputs));
        }
      }
      return outputs;
    }

    private float[] head(
        Node.Head head,
        int[] tokens,
        int text,
        int random,
        Map<String, Map<Node.Source, float[]>> read,
        Map<Input, List<String>> inputs) {
      List<ActivationCache> projected = new ArrayList<>();
      List<Intervention> edits = new ArrayList<>();
      var at = new HookPoint(HookSite.RESID_PRE, head.layer());
      for (HookSite site : List.of(HookSite.Q, HookSite.K, HookSite.V)) {
        Input input = Input.valueOf(site.name());
        int count = graph.inputCount(new Node.HeadInput(site, head.layer(), 0));
        float[] stream =
            stream(
                at,
                count,
                random,
                read,
                child ->
                    inputs.getOrDefault(Input.ALL, List.of()).contains(child)
                        || inputs.getOrDefault(input, List.of()).contains(child));
        var point = new HookPoint(site, head.layer());
        projected.add(lens.run(tokens, Capture.of(point.name()), List.of(set(at, stream, text))));
        edits.add(Intervention.patch(projected.getLast(), point));
      }
      try (ActivationCache cache = lens.run(tokens, Capture.of("*.hook_result"), edits)) {
        return output(head, cache);
      } finally {
        projected.forEach(ActivationCache::close);
      }
    }

    /** Returns the stream of a random text with the outputs of claims instead of its own. */
    private float[] stream(
        HookPoint at,
        int before,
        int random,
        Map<String, Map<Node.Source, float[]>> read,
        Function<String, Boolean> chosen) {
      ActivationCache cache = caches.get(random);
      float[] stream = cache.get(at).toArray();
      int n = texts.get(random).tokens().length;
      int d = stream.length / n;
      read.forEach(
          (name, outputs) -> {
            if (chosen.apply(name)) {
              List<Integer> positions =
                  Objects.requireNonNull(hypothesis.claims().get(name)).positions();
              outputs.forEach(
                  (source, values) -> {
                    float[] others = output(source, cache);
                    for (int i = 0; i < n; i++) {
                      boolean in =
                          positions.isEmpty() || positions.contains(i) || positions.contains(i - n);
                      for (int j = i * d; j < (i + 1) * d; j++) {
                        stream[j] +=
                            in && graph.number(source) < before ? values[j] - others[j] : 0;
                      }
                    }
                  });
            }
          });
      return stream;
    }

    private static float[] output(Node.Source source, ActivationCache cache) {
      return switch (source) {
        case Node.Embedding() -> cache.get(HookSite.RESID_PRE, 0).toArray();
        case Node.Mlp(int layer) -> cache.get(HookSite.MLP_OUT, layer).toArray();
        case Node.Head(int layer, int head) -> {
          float[] all = cache.get(HookSite.RESULT, layer).toArray();
          int heads = cache.get(HookSite.RESULT, layer).shape().get(1);
          int d = cache.get(HookSite.RESULT, layer).shape().get(2);
          var own = new float[all.length / heads];
          for (int i = 0; i < own.length / d; i++) {
            System.arraycopy(all, (i * heads + head) * d, own, i * d, d);
          }
          yield own;
        }
      };
    }

    @Override
    public void close() {
      caches.forEach(ActivationCache::close);
    }
  }

  /**
   * If the last layer is computed from what is before it in the text itself, nothing changes; under
   * a norm over the sum of heads, if all of them are.
   */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void wholeModelRecoversEverythingInEveryArchitecture(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    List<ScrubText> texts = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      int[] text = tokens.clone();
      text[text.length - 2] = (text[text.length - 2] + i) % 40; // within the shortest window
      texts.add(new ScrubText(text, metric(i), Map.of()));
    }
    if (TinyModels.has(name, Trait.EXPERTS_BEFORE_ATTENTION)
        || TinyModels.has(name, Trait.PER_LAYER_EMBEDDING)
        || TinyModels.isHybrid(name)
        || TinyModels.has(name, Trait.LAYERS_WITHOUT_ATTENTION)) {
      return; // has no graph of components, as CircuitRunTest checks
    }
    try (Model model = open(name)) {
      Lens lens = Lens.of(model);
      int last = model.architecture().layers() - 1;
      List<String> before =
          ComponentGraph.of(lens).sources().stream()
              .filter(s -> !s.name().startsWith("L" + last + "."))
              .map(Node::name)
              .toList();
      boolean beside = !lens.has(new HookPoint(HookSite.RESID_MID, last));
      SequencedMap<String, Claim> claims = new LinkedHashMap<>();
      claims.put("before", claim(before, List.of("text"), null));
      claims.put("heads", claim(List.of("L" + last + ".H*"), List.of("text"), List.of("before")));
      List<String> read = beside ? List.of("before") : List.of("before", "heads");
      claims.put("mlp", claim(List.of("L" + last + ".mlp"), List.of("text"), read));
      var hypothesis = new ScrubHypothesis(List.of("before", "heads", "mlp"), claims);
      CausalScrubbing found = scrub(lens, texts, hypothesis);
      double size = found.model().stream().mapToDouble(Math::abs).max().orElseThrow();
      for (int i = 0; i < texts.size(); i++) {
        assertEquals(metric(i).of(lens, texts.get(i).tokens()), found.model().get(i));
        assertEquals(found.model().get(i), found.runs().getFirst().values().get(i), 1e-4 * size);
      }
    }
  }

  private static Claim claim(
      List<String> components, List<String> properties, @Nullable List<String> inputs) {
    return new Claim(
        components, List.of(), properties, inputs == null ? null : Map.of(Input.ALL, inputs));
  }

  /** A claim about everything, without properties, gives the logits of the drawn texts. */
  @Test
  void claimWithoutPropertiesIsAnyText() throws IOException {
    ScrubHypothesis any =
        parse(
            "{\"logits\": [\"all\"], \"claims\": {\"all\": {\"components\": [\"*\"],"
                + " \"depends_on\": []}}}");
    List<ScrubText> texts = texts();
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      CausalScrubbing found = scrub(lens, texts, any);
      CausalScrubbing.Run run = found.runs().getFirst();
      for (int i = 0; i < texts.size(); i++) {
        int drawn = run.agreeing().get(i).get(1);
        assertEquals(metric(i).of(lens, texts.get(drawn).tokens()), run.values().get(i), 1e-4);
        assertEquals(texts.get(i).tokens().length, texts.get(drawn).tokens().length);
      }
      double others =
          texts.stream()
              .filter(text -> text.tokens().length == 7)
              .mapToDouble(text -> metric(0).of(lens, text.tokens()))
              .average()
              .orElseThrow();
      assertEquals(others, found.random().getFirst(), 1e-9);
      assertEquals(List.of("logits", "all"), found.branches());
    }
  }

  @Test
  void wholeTextReplacesInputsOfClaim() {
    ScrubHypothesis changed = parse(HYPOTHESIS).withWholeText("late");
    assertEquals(claim(List.of("L1.H1", "L1.mlp"), List.of(-1, 2)), changed.claims().get("late"));
    assertEquals(4, changed.claims().size());
    ScrubHypothesis both = changed.withWholeText("mlp");
    assertEquals(Set.of("late", "mlp"), both.claims().keySet());
    assertThrows(InvalidInputException.class, () -> both.withWholeText("heads"));
  }

  private static Claim claim(List<String> components, List<Integer> positions) {
    return new Claim(components, positions, List.of("text"), null);
  }

  @Test
  void drawsAgreeWithReader() throws IOException {
    List<ScrubText> texts = texts();
    try (Model model = open("llama")) {
      CausalScrubbing found = scrub(Lens.of(model), texts, parse(HYPOTHESIS));
      assertEquals(
          List.of("logits", "late", "embedding", "heads", "mlp", "embedding", "heads"),
          found.branches());
      for (CausalScrubbing.Run run : found.runs()) {
        for (List<Integer> drawn : run.agreeing()) {
          List<String> classes = drawn.stream().map(t -> texts.get(t).property("class")).toList();
          assertEquals(classes.get(0), classes.get(1));
          assertEquals(classes.get(1), classes.get(2));
          assertEquals(classes.get(0), classes.get(4));
          assertEquals(classes.get(4), classes.get(5));
          assertEquals(texts.get(drawn.get(0)).tokens()[0], texts.get(drawn.get(1)).tokens()[0]);
        }
        assertTrue(run.agreeing().stream().map(List::getLast).distinct().count() > 3);
      }
      Map<String, Double> agreeing =
          found.claims().stream()
              .collect(
                  Collectors.toMap(
                      CausalScrubbing.Agreement::claim, CausalScrubbing.Agreement::agreeing));
      double pairs =
          texts.stream()
              .mapToLong(
                  a ->
                      texts.stream()
                          .filter(b -> a.tokens().length == b.tokens().length)
                          .filter(b -> a.property("class").equals(b.property("class")))
                          .count())
              .sum();
      assertEquals(pairs / texts.size(), Objects.requireNonNull(agreeing.get("mlp")), 1e-12);
    }
  }

  @Test
  void rejectsHypothesesThatDoNotFit() throws IOException {
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      assertRejected(
          lens, "claim in the inputs of logits b: not found; there are a", "[\"b\"]", "\"a\": $");
      assertRejected(
          lens, "claim b: is not read by any other claim", "[\"a\"]", "\"a\": $, \"b\": $");
      assertRejected(
          lens,
          "claim a: depends on itself",
          "[\"a\"]",
          "\"a\": {\"components\": [\"L*.mlp\"], \"depends_on\": [], \"inputs\": [\"a\"]}");
      assertRejected(
          lens,
          "inputs of a b: is not computed before any of the components",
          "[\"a\"]",
          "\"a\": {\"components\": [\"L0.mlp\"], \"depends_on\": [], \"inputs\": [\"b\"]},"
              + " \"b\": {\"components\": [\"L1.mlp\"], \"depends_on\": []}");
      assertRejected(
          lens,
          "inputs of a b: is not computed before the q of any head",
          "[\"a\"]",
          "\"a\": {\"components\": [\"L1.mlp\"], \"depends_on\": [], \"inputs\": {\"q\": [\"b\"]}},"
              + " \"b\": $");
      assertRejected(
          lens,
          "claims b, a: share a component of one reader",
          "[\"a\", \"b\"]",
          "\"a\": $, \"b\": {\"components\": [\"L0.*\"], \"depends_on\": []}");
      assertRejected(
          lens,
          "component of a L9.H9: not found; components are embed, L0.H0 to",
          "[\"a\"]",
          "\"a\": {\"components\": [\"L9.H9\"], \"depends_on\": []}");
      assertRejected(
          lens,
          "property color: not found in a text of the data set; it has text, token[N], class",
          "[\"a\"]",
          "\"a\": {\"components\": [\"embed\"], \"depends_on\": [\"color\"]}");
      assertRejected(
          lens,
          "position of a -6: a text has 5 tokens",
          "[\"a\"]",
          "\"a\": {\"components\": [\"embed\"], \"depends_on\": [], \"positions\": [-6]}");
      assertRejected(
          lens,
          "claims b, a: share a component of one reader",
          "[\"a\", \"b\"]",
          "\"a\": {\"components\": [\"embed\"], \"depends_on\": [], \"positions\": [-1]},"
              + " \"b\": {\"components\": [\"embed\"], \"depends_on\": [], \"positions\": [4]}");
      assertRejected(
          lens,
          "property token[7]: a text has 7 tokens",
          "[\"a\"]",
          "\"a\": {\"components\": [\"embed\"], \"depends_on\": [\"token[7]\"]}");
    }
  }

  private static void assertRejected(Lens lens, String message, String logits, String claims) {
    String all = claims.replace("$", "{\"components\": [\"L0.mlp\"], \"depends_on\": []}");
    ScrubHypothesis hypothesis = parse("{\"logits\": " + logits + ", \"claims\": {" + all + "}}");
    var e = assertThrows(InvalidInputException.class, () -> scrub(lens, texts(), hypothesis));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @Test
  void rejectsTextsWithoutAnotherOfTheirLength() throws IOException {
    List<ScrubText> texts = new ArrayList<>(texts());
    texts.add(new ScrubText(new int[] {1, 2, 3}, metric(0), Map.of("class", "0")));
    try (Model model = open("llama")) {
      var e =
          assertThrows(
              InvalidInputException.class, () -> scrub(Lens.of(model), texts, parse(HYPOTHESIS)));
      assertEquals(
          "text 12: needs another text with equally many tokens in the data set", e.getMessage());
    }
  }

  @Test
  void rejectsFilesOfAnotherForm() {
    for (String[] each :
        new String[][] {
          {"[]", "must hold a JSON object"},
          {"{\"logits\": [\"a\"]}", "claims: must be an object with a field for each claim"},
          {"{\"logits\": \"a\", \"claims\": {}}", "logits: must be a list of texts"},
          {"{\"logit\": []}", "logit: unknown; fields are claims, logits"},
          {claim("\"at\": 1"), "claims.a.at: unknown; fields are components, depends_on"},
          {claim("\"positions\": [0.5]"), "claims.a.positions: must be a list of integers"},
          {claim("\"inputs\": {\"z\": []}"), "claims.a.inputs.z: unknown; must be q, k, v or gate"},
          {claim("\"inputs\": 1"), "claims.a.inputs: must be a list of claims, or lists by q"},
        }) {
      var e = assertThrows(ModelFileException.class, () -> parse(each[0]));
      assertTrue(e.getMessage().contains(each[1]), e.getMessage());
    }
  }

  private static String claim(String field) {
    return "{\"logits\": [], \"claims\": {\"a\": {\"components\": [], \"depends_on\": [], "
        + field
        + "}}}";
  }

  /** The tree grows with the number of paths from the logits to a claim, which may be large. */
  @Test
  void rejectsTreesThatAreTooLarge() throws IOException {
    SequencedMap<String, Claim> claims = new LinkedHashMap<>();
    List<String> low = atEachPosition(claims, List.of("L0.H0", "L0.H1", "L0.H2"), null);
    List<String> middle = atEachPosition(claims, List.of("L1.H0", "L1.H1", "L1.H2"), low);
    List<String> top = atEachPosition(claims, List.of("L1.mlp"), middle);
    var hypothesis = new ScrubHypothesis(top, claims);
    try (Model model = open("llama")) {
      Lens lens = Lens.of(model);
      var e = assertThrows(InvalidInputException.class, () -> scrub(lens, texts(), hypothesis));
      assertEquals("hypothesis: must unroll to less than 1000 claims", e.getMessage());
    }
  }

  /** Adds a claim about each component at each of five positions, and returns their names. */
  private static List<String> atEachPosition(
      SequencedMap<String, Claim> claims, List<String> components, @Nullable List<String> inputs) {
    List<String> names = new ArrayList<>();
    for (String component : components) {
      for (int position = 0; position < 5; position++) {
        names.add(component + "@" + position);
        Map<Input, List<String>> read = inputs == null ? null : Map.of(Input.ALL, inputs);
        claims.put(
            names.getLast(), new Claim(List.of(component), List.of(position), List.of(), read));
      }
    }
    return names;
  }
}
