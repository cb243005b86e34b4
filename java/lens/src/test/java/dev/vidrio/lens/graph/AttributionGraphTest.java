package dev.vidrio.lens.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.decode.TextChunks;
import dev.vidrio.lens.decode.sae.SaeOptions;
import dev.vidrio.lens.decode.sae.SaeTrainer;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class AttributionGraphTest extends F32BardTest {
  private static final String TEXT = "The king is dead, long live the";

  private static final List<SparseAutoencoder> TRANSCODERS = new ArrayList<>();

  @BeforeAll
  static void train() {
    int[] text = model.tokenizer().encode(TEXT.repeat(20));
    List<int[]> chunks = TextChunks.of(model, text, 64);
    for (int l = 0; l < model.architecture().layers(); l++) {
      List<HookPoint> points =
          List.of(new HookPoint(HookSite.LN2_NORMALIZED, l), new HookPoint(HookSite.MLP_OUT, l));
      List<float[][]> rows = TextChunks.activations(lens, points, chunks);
      var options = new SaeOptions(64, 4, true, 0, 1e-3, 32, 20, 100, 0);
      try (var trainer =
          SaeTrainer.ofTranscoder(model.executor(), rows.getFirst(), rows.getLast(), options)) {
        trainer.run(loss -> {});
        TRANSCODERS.add(
            trainer.result(model.executor(), points.getFirst().name(), points.getLast().name()));
      }
    }
  }

  @AfterAll
  static void closeTranscoders() {
    TRANSCODERS.forEach(SparseAutoencoder::close);
  }

  private static void assertComplete(AttributionGraph graph) {
    for (int i = 0; i < graph.nodes().size(); i++) {
      GraphNode node = graph.nodes().get(i);
      switch (node.kind()) {
        case FEATURE, NEURON ->
            assertEquals(
                node.value(),
                graph.explained(i),
                1e-3 * Math.max(1, Math.abs(node.value())),
                node.toString());
        case LOGIT -> assertEquals(node.value(), graph.explained(i), 1e-3, node.toString());
        default -> {}
      }
    }
  }

  @Test
  void effectsOfNeuronsSumToValues() {
    // region graph
    AttributionGraph graph =
        AttributionGraph.of(
            lens,
            model.tokenizer().encode(TEXT),
            GraphFeatures.neurons(),
            new GraphOptions(5, 0.9, 128, 0));
    PrunedGraph circuit = graph.prune(0.8, 0.98);
    for (GraphEdge edge : circuit.edges()) {
      GraphNode from = graph.nodes().get(edge.source());
      GraphNode to = graph.nodes().get(edge.target());
      assertTrue(from.layer() < to.layer() && from.position() <= to.position());
    }
    // endregion
    assertEquals(
        128,
        IntStream.range(0, graph.nodes().size())
            .filter(i -> graph.nodes().get(i).kind() == GraphNode.Kind.NEURON)
            .count());
    assertComplete(graph);
    assertEquals(1, graph.replacement());
    assertEquals(1, graph.completeness());
  }

  @Test
  void effectsOfFeaturesSumToValues() {
    AttributionGraph graph =
        AttributionGraph.of(
            lens,
            model.tokenizer().encode(TEXT),
            GraphFeatures.transcoders(lens, TRANSCODERS),
            GraphOptions.DEFAULT);
    System.err.println(
        graph.active()
            + " "
            + graph.nodes().size()
            + " "
            + graph.replacement()
            + " "
            + graph.completeness()
            + " "
            + graph.prune(0.8, 0.98).edges().size());
    assertComplete(graph);
  }
}
