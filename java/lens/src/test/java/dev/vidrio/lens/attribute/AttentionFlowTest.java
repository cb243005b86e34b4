package dev.vidrio.lens.attribute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.ContextMixing.Measure;
import dev.vidrio.lens.numeric.MaximumFlow;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AttentionFlowTest {
  private static final Path FLOWS =
      Path.of("src/test/resources/dev/vidrio/lens/attribute/flow.tsv");

  /** A line of the file that the authors' program and networkx wrote. */
  private record Line(int layer, int token, int source, double share, double flow) {
    static Line of(String text) {
      String[] fields = text.split("\t", -1);
      return new Line(
          Integer.parseInt(fields[0]),
          Integer.parseInt(fields[1]),
          Integer.parseInt(fields[2]),
          Double.parseDouble(fields[3]),
          Double.parseDouble(fields[4]));
    }
  }

  private static List<Line> lines() {
    try {
      return Files.readAllLines(FLOWS).stream().skip(1).map(Line::of).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void sharesEqualThoseOfTheAuthorsProgram() {
    List<Line> lines = lines();
    var layers = new double[4][6][6];
    lines.forEach(line -> layers[line.layer][line.token][line.source] = line.share);
    var mixing = new ContextMixing(6, layers);
    double furthest = 0;
    for (Line line : lines) {
      double[] flow = AttentionFlow.shares(mixing, line.layer, line.token);
      assertEquals(line.token + 1, flow.length);
      assertEquals(line.flow, flow[line.source], 1e-12, line.toString());
      double rolledOut = mixing.rolledOut(line.layer, line.token, line.source);
      furthest = Math.max(furthest, Math.abs(rolledOut - line.flow));
    }
    assertTrue(furthest > 0.05, "the case does not tell flow from rollout");
  }

  @Test
  void oneLayerHasItsShares() {
    try (Model model = Model.open(BardFiles.q8())) {
      int[] tokens = {5, 120, 44, 700, 31};
      ContextMixing mixing = ContextMixing.of(Lens.of(model), tokens, Measure.ATTENTION);
      double[] flow = AttentionFlow.shares(mixing, 0, 4);
      for (int j = 0; j < 5; j++) {
        assertEquals(mixing.share(0, 4, j), flow[j], 1e-12);
      }
      double sum = Arrays.stream(AttentionFlow.shares(mixing, 3, 4)).sum();
      assertEquals(1, sum, 1e-12);
    }
  }

  /** The maximum flow is the minimum of all cuts; a small graph has few of them. */
  @Test
  void flowEqualsMinimumCut() {
    var random = new Random(3);
    for (int n = 2; n <= 9; n++) {
      var capacities = new double[n][n];
      var graph = new MaximumFlow(n);
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          if (i != j && random.nextInt(3) > 0) {
            capacities[i][j] = random.nextDouble();
            graph.add(i, j, capacities[i][j]);
          }
        }
      }
      double least = Double.POSITIVE_INFINITY;
      for (int side = 0; side < 1 << n; side++) {
        if ((side & 1) == 1 && ((side >> (n - 1)) & 1) == 0) {
          least = Math.min(least, cut(capacities, side));
        }
      }
      assertEquals(least, graph.between(0, n - 1), 1e-12);
    }
  }

  private static double cut(double[][] capacities, int side) {
    double sum = 0;
    for (int i = 0; i < capacities.length; i++) {
      for (int j = 0; j < capacities.length; j++) {
        sum += ((side >> i) & 1) == 1 && ((side >> j) & 1) == 0 ? capacities[i][j] : 0;
      }
    }
    return sum;
  }
}
