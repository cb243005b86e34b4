package dev.vidrio.lens.circuit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Circuits against runs and edits that know nothing of them. */
class CircuitRunTest extends BardTest {
  private static final int[] CLEAN = {5, 120, 44, 700, 31, 8, 90};
  private static final int[] CORRUPTED = {5, 120, 45, 700, 31, 9, 90};
  private static final Metric METRIC = Metric.logitDifference(300, 301);

  @TempDir Path directory;

  private static double edited(Lens lens, int[] tokens, Metric metric, Intervention edit) {
    return Sweep.run(lens, tokens, List.of(), List.of(List.of(edit)), metric).getFirst();
  }

  @Test
  void wholeGraphIsCleanRunAndEmptyGraphCorruptedRun() {
    try (CircuitRun run = CircuitRun.open(lens, CLEAN, CORRUPTED)) {
      assertEquals(METRIC.of(lens, CLEAN), run.run(Circuit.whole(run.graph()), METRIC));
      assertEquals(METRIC.of(lens, CORRUPTED), run.run(new Circuit(Set.of()), METRIC));
      assertEquals(METRIC.of(lens, CLEAN), run.clean(METRIC));
      assertEquals(METRIC.of(lens, CORRUPTED), run.corrupted(METRIC));
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void equalInEveryArchitecture(String name) throws IOException {
    int[] clean = TinyModels.expected(name).ints("tokens");
    int[] corrupted = clean.clone();
    corrupted[2] = (corrupted[2] + 1) % 40;
    Metric metric = Metric.logitDifference(3, 4);
    try (Model tiny = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens of = Lens.of(tiny);
      if (TinyModels.has(name, Trait.EXPERTS_BEFORE_ATTENTION)
          || TinyModels.has(name, Trait.PER_LAYER_EMBEDDING)
          || TinyModels.isHybrid(name)
          || TinyModels.has(name, Trait.LAYERS_WITHOUT_ATTENTION)) {
        String message =
            assertThrows(InvalidInputException.class, () -> CircuitRun.open(of, clean, corrupted))
                .getMessage();
        assertTrue(
            message.matches(
                ".*(layer 3 reads|is scaled|alone|several residual streams|instead of|in addition"
                    + " to attention).*"),
            message);
        List<TextPair> pairs = List.of(TextPair.of(clean, corrupted, 3, 4));
        var e = assertThrows(InvalidInputException.class, () -> EdgeAttribution.of(of, pairs));
        assertEquals(message, e.getMessage());
        return;
      }
      try (CircuitRun run = CircuitRun.open(of, clean, corrupted)) {
        Circuit whole = Circuit.whole(run.graph());
        double best = metric.of(of, clean);
        assertEquals(best, run.run(whole, metric));
        assertEquals(metric.of(of, corrupted), run.run(new Circuit(Set.of()), metric));
        // A component without edges equals one that is patched from the other run.
        var head = new Node.Head(0, 1);
        try (ActivationCache other = of.run(corrupted, Capture.of("*.hook_z,*.hook_mlp_out"))) {
          Intervention mlp = Intervention.patch(other, new HookPoint(HookSite.MLP_OUT, 0));
          double expected = edited(of, clean, metric, mlp);
          double actual = run.run(whole.withoutNodes(List.of(new Node.Mlp(0))), metric);
          assertEquals(expected, actual, 1e-4 * (1 + Math.abs(expected)));
          // Under a norm another z also changes what the other heads add.
          if (HookMap.of(tiny).afterAttention(0).stream().noneMatch(Op.Norm.class::isInstance)) {
            Intervention z = Intervention.patch(other, new HookPoint(HookSite.Z, 0)).head(1);
            expected = edited(of, clean, metric, z);
            actual = run.run(whole.withoutNodes(List.of(head)), metric);
            assertEquals(expected, actual, 1e-4 * (1 + Math.abs(expected)));
          }
        }
      }
    }
  }

  /** One edge: the queries that a head would make of a stream in which the source is another. */
  @Test
  void edgeEqualsEquivalentEdits() throws IOException {
    int[] clean = TinyModels.expected("llama").ints("tokens");
    int[] corrupted = clean.clone();
    corrupted[2] = (corrupted[2] + 1) % 40;
    Metric metric = Metric.logitDifference(3, 4);
    var edge = new Edge(new Node.Head(0, 1), new Node.HeadInput(HookSite.Q, 1, 2));
    try (Model tiny = Model.open(TinyModels.write(directory.resolve("llama.gguf"), "llama"))) {
      Lens of = Lens.of(tiny);
      Capture capture = Capture.of("*.hook_result,*.hook_resid_pre");
      var input = new HookPoint(HookSite.RESID_PRE, 1);
      var queries = new HookPoint(HookSite.Q, 1);
      try (CircuitRun run = CircuitRun.open(of, clean, corrupted);
          ActivationCache here = of.run(clean, capture);
          ActivationCache there = of.run(corrupted, capture)) {
        float[] stream = here.get(input).toArray();
        int d = here.get(input).shape().getLast();
        for (int i = 0; i < clean.length; i++) {
          for (int j = 0; j < d; j++) {
            stream[i * d + j] +=
                there.get(HookSite.RESULT, 0).at(i, 1, j)
                    - here.get(HookSite.RESULT, 0).at(i, 1, j);
          }
        }
        try (ActivationCache heard =
            of.run(
                clean,
                Capture.of(queries.name()),
                List.of(Intervention.set(input, stream).positions(0, clean.length)))) {
          double expected = edited(of, clean, metric, Intervention.patch(heard, queries).head(2));
          Circuit without = Circuit.whole(run.graph()).without(List.of(edge));
          double actual = run.run(without, metric);
          assertTrue(expected != metric.of(of, clean));
          assertEquals(expected, actual, 1e-5 * (1 + Math.abs(expected)));
        }
      }
    }
  }

  @Test
  void discoveryDropsEdgesBelowThreshold() throws IOException {
    int[] clean = TinyModels.expected("llama").ints("tokens");
    int[] corrupted = clean.clone();
    corrupted[2] = (corrupted[2] + 1) % 40;
    Metric metric = Metric.logitDifference(3, 4);
    try (Model tiny = Model.open(TinyModels.write(directory.resolve("acdc.gguf"), "llama"));
        CircuitRun run = CircuitRun.open(Lens.of(tiny), clean, corrupted)) {
      Circuit whole = Circuit.whole(run.graph());
      int[] seen = {0};
      Circuit all =
          AutomaticCircuitDiscovery.of(CircuitRuns.of(run, metric), 0, whole, n -> seen[0] = n);
      assertEquals(whole.edges().size(), seen[0]);
      assertEquals(whole, all);
      assertEquals(
          Set.of(),
          AutomaticCircuitDiscovery.of(CircuitRuns.of(run, metric), 1e9, whole, n -> {}).edges());
      double threshold = 0.002 * Math.abs(run.clean(metric) - run.corrupted(metric));
      Circuit found =
          AutomaticCircuitDiscovery.of(CircuitRuns.of(run, metric), threshold, whole, n -> {});
      int removed = whole.edges().size() - found.edges().size();
      assertTrue(removed > 0 && !found.edges().isEmpty(), removed + " edges removed");
      var evaluation = new CircuitEvaluation(CircuitRuns.of(run, metric), found);
      assertTrue(evaluation.faithfulness().difference() <= threshold * removed);
      // Remaining components have inputs and are read.
      assertEquals(found.edges(), Set.copyOf(found.connected(run.graph())));
    }
  }

  /** No edge is dropped untried that changes something, as under a norm that divides all heads. */
  @Test
  @Tag("long")
  void discoveryEqualsOneRunPerEdge() throws IOException {
    int[] clean = TinyModels.expected("gemma3").ints("tokens");
    int[] corrupted = clean.clone();
    corrupted[2] = (corrupted[2] + 1) % 40;
    Metric metric = Metric.logitDifference(3, 4);
    try (Model tiny = Model.open(TinyModels.write(directory.resolve("divided.gguf"), "gemma3"));
        CircuitRun run = CircuitRun.open(Lens.of(tiny), clean, corrupted)) {
      double threshold = 0.05 * Math.abs(run.clean(metric) - run.corrupted(metric));
      Circuit whole = Circuit.whole(run.graph());
      Circuit found =
          AutomaticCircuitDiscovery.of(CircuitRuns.of(run, metric), threshold, whole, n -> {});
      assertEquals(discovered(run, metric, threshold), found.edges());
    }
  }

  private static Set<Edge> discovered(CircuitRun run, Metric metric, double threshold) {
    Set<Edge> kept = run.graph().edges().collect(Collectors.toSet());
    double value = run.run(new Circuit(kept), metric);
    for (Node.Destination destination : run.graph().destinations().reversed()) {
      for (Node.Source source : run.graph().inputsOf(destination).reversed()) {
        var edge = new Edge(source, destination);
        kept.remove(edge);
        double without = run.run(new Circuit(kept), metric);
        if (Math.abs(without - value) < threshold) {
          value = without;
        } else {
          kept.add(edge);
        }
      }
    }
    return kept;
  }

  @Test
  void evaluatesWholeModel() {
    try (CircuitRun run = CircuitRun.open(lens, CLEAN, CORRUPTED)) {
      var evaluation =
          new CircuitEvaluation(CircuitRuns.of(run, METRIC), Circuit.whole(run.graph()));
      assertEquals(0, evaluation.faithfulness().difference());
      assertEquals(1, evaluation.faithfulness().recovered());
      List<Node.Source> some = List.of(new Node.Head(1, 2), new Node.Mlp(0));
      assertEquals(0, evaluation.completeness(some));
      assertTrue(evaluation.minimality(new Node.Mlp(1), some) > 0);
      assertEquals(0, evaluation.minimality(new Node.Mlp(0), some));
    }
  }

  @Test
  void namesAndErrors() {
    try (CircuitRun run = CircuitRun.open(lens, CLEAN, CORRUPTED)) {
      Set<String> names = run.graph().edges().map(Edge::name).collect(Collectors.toSet());
      assertTrue(names.contains("embed→L0.Q7"), names.toString());
      assertTrue(names.contains("L0.H3→L0.mlp"), names.toString());
      assertTrue(names.contains("L3.mlp→logits"), names.toString());
      var none = new Edge(new Node.Head(2, 0), new Node.HeadInput(HookSite.K, 1, 0));
      assertThrows(InvalidInputException.class, () -> run.run(new Circuit(Set.of(none)), METRIC));
    }
    assertThrows(InvalidInputException.class, () -> CircuitRun.open(lens, CLEAN, new int[] {1, 2}));
  }
}
