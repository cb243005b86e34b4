package dev.vidrio.lens.decode.probe;

import static dev.vidrio.lens.decode.probe.ProbesFile.expected;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.lens.numeric.KMeans;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Methods of probing against scikit-learn, numpy and their formulas. */
class ProbingTest {
  private static final int D = ProbesFile.WIDTH;

  private static Executor executor;

  @BeforeAll
  static void open() {
    executor = NativeExecutor.create();
  }

  @AfterAll
  static void close() {
    executor.close();
  }

  private static Probe logistic(Examples examples) {
    return LinearProbe.logistic(executor, examples, 0.5);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void nullspaceProjectionMatchesNumpy(int rounds) {
    NullspaceProjection found =
        NullspaceProjection.fit(
            executor, ProbesFile.split(), LinearProbe.Kind.LOGISTIC, 0.5, rounds);
    assertEquals(2 * rounds, found.eraser().rank());
    float[] projection = expected("inlp_" + rounds);
    for (int i = 0; i < D; i++) {
      var unit = new float[D];
      unit[i] = 1;
      float[] row = found.eraser().erase(unit);
      for (int j = 0; j < D; j++) {
        assertEquals(projection[i * D + j], row[j], 1e-3);
      }
    }
  }

  @Test
  void nullspaceProjectionStopsWhenNoProbeIsBetterThanTheMajority() {
    Examples.Split split = ProbesFile.split();
    NullspaceProjection found =
        NullspaceProjection.fit(executor, split, LinearProbe.Kind.RIDGE, 1, D);
    List<Double> accuracies = found.accuracies();
    assertTrue(accuracies.getFirst() > split.test().majority() + 0.2, accuracies.toString());
    assertTrue(accuracies.getLast() <= split.test().majority(), accuracies.toString());
    assertEquals(Math.min(D, 2 * (accuracies.size() - 1)), found.eraser().rank());
  }

  @Test
  void randomSubspaceIsOrthonormalAndKeepsItsCenter() {
    double[] center = {1, 2, 3, 4, 5, 6, 7, 8};
    SubspaceEraser eraser = SubspaceEraser.random(3, center, 5);
    List<float[]> basis = eraser.directions();
    for (int r = 0; r < 3; r++) {
      for (int s = 0; s < 3; s++) {
        assertEquals(r == s ? 1 : 0, Vectors.dot(basis.get(r), basis.get(s)), 1e-6);
      }
    }
    assertArrayEquals(DoubleVectors.floats(center), eraser.erase(DoubleVectors.floats(center)));
    float[] erased = eraser.erase(new float[D]);
    float[] difference = Vectors.minus(erased, DoubleVectors.floats(center));
    basis.forEach(row -> assertEquals(0, Vectors.dot(row, difference), 1e-5));
    assertEquals(3, SubspaceEraser.of(doubles(basis, basis), center).rank());
    assertThrows(InvalidInputException.class, () -> SubspaceEraser.random(9, center, 5));
  }

  private static List<double[]> doubles(List<float[]> some, List<float[]> more) {
    return Stream.concat(some.stream(), more.stream()).map(DoubleVectors::doubles).toList();
  }

  @Test
  void onlineCodeMatchesScikitLearn() {
    DescriptionLength code = DescriptionLength.of(ProbesFile.examples(3), ProbingTest::logistic);
    float[] bits = expected("online_code");
    assertEquals(bits.length, code.blocks().size());
    double sum = 0;
    int begin = 0;
    for (int b = 0; b < bits.length; b++) {
      DescriptionLength.Block block = code.blocks().get(b);
      assertEquals(bits[b], block.bits() * (block.end() - begin), 1e-2);
      begin = block.end();
      sum += bits[b];
    }
    assertEquals(150, begin);
    assertEquals(sum, code.bits(), 2e-2);
    assertEquals(150 * Math.log(3) / Math.log(2), code.uniform(), 1e-9);
    assertEquals(code.uniform() / code.bits(), code.compression());
  }

  /** Classes without a relation to the activations cost at least about as much as uniform ones. */
  @Test
  void onlineCodeOfRandomClassesDoesNotCompress() {
    Examples examples = ProbesFile.examples(3);
    int[] labels = new int[examples.size()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = ((i * 7919) >> 3) % 3;
    }
    DescriptionLength code =
        DescriptionLength.of(examples.withLabels(labels).shuffled(3), ProbingTest::logistic);
    assertTrue(code.compression() < 1.05, code.toString());
    assertThrows(
        InvalidInputException.class,
        () -> DescriptionLength.of(examples.range(0, 11), ProbingTest::logistic));
  }

  @Test
  void crossEntropyMatchesScikitLearn() {
    Examples.Split split = ProbesFile.split();
    assertEquals(
        expected("cross_entropy")[0], logistic(split.train()).crossEntropy(split.test()), 1e-3);
  }

  @Test
  void sparseProbeMatchesScikitLearn() {
    Examples examples = ProbesFile.examples(3);
    float[] f = expected("f_statistics");
    double[] own = SparseProbe.fStatistics(examples);
    for (int j = 0; j < D; j++) {
      assertEquals(f[j], own[j], 1e-4 * f[j]);
    }
    SparseProbe probe = SparseProbe.fit(executor, examples, 3, 0.5);
    List<Integer> best =
        IntStream.range(0, D)
            .boxed()
            .sorted(Comparator.comparingDouble(j -> -f[j]))
            .limit(3)
            .toList();
    assertEquals(best, probe.elements());
    float[] scores = expected("sparse_scores");
    for (int i = 0; i < examples.size(); i++) {
      double[] found = probe.scores(examples.row(i));
      for (int c = 1; c < 3; c++) {
        double difference = scores[i * 3 + c] - scores[i * 3];
        assertEquals(difference, found[c] - found[0], 2e-3 * Math.max(1, Math.abs(difference)));
      }
    }
    assertThrows(
        InvalidInputException.class, () -> SparseProbe.fit(executor, examples, D + 1, 0.5));
  }

  /** Elements that are constant come last; one that the classes determine comes first. */
  @Test
  void sparseProbeOfDegenerateElements() {
    var rows = new float[][] {{5, 0, 1}, {5, 0, 2}, {5, 1, 1}, {5, 1, 3}};
    var examples = new Examples(rows, new int[] {0, 0, 1, 1}, new int[4], 2);
    assertEquals(List.of(1, 2, 0), SparseProbe.fit(executor, examples, 3, 1).elements());
  }

  @Test
  void mlpLossMatchesScikitLearn() {
    Examples examples = standardized(ProbesFile.examples(3));
    double[] parameters = DoubleVectors.doubles(expected("mlp_parameters"));
    var gradient = new double[parameters.length];
    var shape = new MlpProbe.Shape(D, 5, 3);
    try (var objective = new MlpProbe.Objective(executor, examples, shape, 0.5)) {
      double loss = objective.at(parameters, gradient);
      assertEquals(expected("mlp_loss")[0], loss, 1e-4 * loss);
    }
  }

  @Test
  void mlpGradientMatchesAutograd() {
    Examples examples = standardized(ProbesFile.examples(3));
    double[] parameters = DoubleVectors.doubles(expected("mlp_parameters"));
    for (int i = 0; i < parameters.length; i++) {
      parameters[i] += 0.3 * Math.sin(i);
    }
    var gradient = new double[parameters.length];
    var shape = new MlpProbe.Shape(D, 5, 3);
    try (var objective = new MlpProbe.Objective(executor, examples, shape, 0.5)) {
      objective.at(parameters, gradient);
      float[] theirs = expected("mlp_gradient");
      for (int i = 0; i < theirs.length; i++) {
        assertEquals(theirs[i], gradient[i], 1e-4 * Math.max(1, Math.abs(theirs[i])));
      }
    }
  }

  /** From several starts, ours finds a minimum at least as low as scikit-learn's. */
  @Test
  void mlpFindsAsLowMinimum() {
    Examples examples = ProbesFile.examples(3);
    double best = Double.POSITIVE_INFINITY;
    for (int seed = 0; seed < 8; seed++) {
      MlpProbe probe = MlpProbe.fit(executor, examples, 5, 0.5, seed);
      best = Math.min(best, probe.crossEntropy(examples));
    }
    float[] logs = expected("mlp_log_probabilities");
    double theirs = 0;
    for (int i = 0; i < examples.size(); i++) {
      theirs -= logs[i * 3 + examples.label(i)] / Math.log(2) / examples.size();
    }
    assertTrue(best <= theirs * 1.1, best + " " + theirs);
  }

  /** Exclusive or, which no linear probe can read. */
  @Test
  void mlpReadsWhatIsNotLinear() {
    var rows = new float[80][];
    var labels = new int[80];
    for (int i = 0; i < 80; i++) {
      float a = i % 2 == 0 ? 100 : 104;
      float b = i / 2 % 2 == 0 ? -0.01f : 0.01f;
      rows[i] = new float[] {a + 0.01f * i, b, 7};
      labels[i] = (i % 2) ^ (i / 2 % 2);
    }
    var examples = new Examples(rows, labels, labels, 2);
    assertEquals(1, MlpProbe.fit(executor, examples, 16, 1e-2, 1).accuracy(examples));
    assertTrue(logistic(examples).accuracy(examples) < 0.8);
    assertThrows(InvalidInputException.class, () -> MlpProbe.fit(executor, examples, 0, 1e-2, 1));
    assertThrows(InvalidInputException.class, () -> MlpProbe.fit(executor, examples, 2, 0, 1));
  }

  private static Examples standardized(Examples examples) {
    int n = examples.size();
    var rows = new float[n][D];
    for (int j = 0; j < D; j++) {
      double mean = 0;
      double squares = 0;
      for (int i = 0; i < n; i++) {
        mean += examples.row(i)[j] / (double) n;
      }
      for (int i = 0; i < n; i++) {
        squares += Math.pow(examples.row(i)[j] - mean, 2) / n;
      }
      for (int i = 0; i < n; i++) {
        rows[i][j] = (float) ((examples.row(i)[j] - mean) / Math.sqrt(squares));
      }
    }
    return examples.withRows(rows);
  }

  @Test
  void principalComponentMatchesScikitLearn() {
    Examples examples = ProbesFile.examples(2);
    float[] direction = ConceptDirections.pca(examples, 1);
    assertEquals(1, Math.abs(Vectors.cosine(expected("pca"), direction)), 1e-6);
    float[] means = examples.differenceInMeans(1);
    // Its length is the difference in means along it, and it points to the class.
    assertEquals(
        Vectors.norm(direction), Vectors.dot(means, direction) / Vectors.norm(direction), 1e-5);
    assertTrue(Vectors.dot(means, direction) > 0);
  }

  @Test
  void clustersMatchScikitLearn() {
    Examples examples = ProbesFile.examples(3);
    KMeans found = KMeans.of(examples.rows(), 3, 50, 1);
    assertEquals(expected("inertia")[0], found.inertia(), 1e-4 * found.inertia());
    float[] theirs = expected("centroids");
    for (double[] centroid : found.centroids()) {
      double nearest = Double.POSITIVE_INFINITY;
      for (int c = 0; c < 3; c++) {
        float[] other = Arrays.copyOfRange(theirs, c * D, (c + 1) * D);
        nearest =
            Math.min(nearest, Vectors.norm(Vectors.minus(DoubleVectors.floats(centroid), other)));
      }
      assertEquals(0, nearest, 1e-4);
    }
    assertThrows(InvalidInputException.class, () -> KMeans.of(examples.rows(), 151, 1, 1));
  }

  /** If the clusters are the classes, all methods find the difference in means. */
  @Test
  void directionsAgreeOnSeparateClasses() {
    var rows = new float[40][];
    var labels = new int[40];
    for (int i = 0; i < 40; i++) {
      labels[i] = i % 2;
      rows[i] = new float[] {10 * labels[i] + (float) Math.sin(i), (float) Math.cos(3 * i), 4};
    }
    var examples = new Examples(rows, labels, labels, 2);
    float[] means = examples.differenceInMeans(1);
    assertArrayEquals(means, ConceptDirections.Method.K_MEANS.of(examples, 1, 7));
    float[] pca = ConceptDirections.Method.PCA.of(examples, 1, 7);
    assertTrue(Vectors.cosine(means, pca) > 0.99);
    assertTrue(Vectors.cosine(pca, ConceptDirections.Method.PCA.of(examples, 0, 7)) < -0.99);
    assertThrows(
        InvalidInputException.class,
        () -> ConceptDirections.kMeans(examples.withLabels(new int[40]), 1, 7));
  }

  @Test
  void splitKeepsTextsTogether() {
    Examples all = ProbesFile.examples(3);
    int[] groups = new int[all.size()];
    Arrays.setAll(groups, i -> i / 10);
    var examples = new Examples(all.rows(), new int[150], new int[150], groups, 1);
    Examples.Split split = examples.split(0.2, 4);
    assertEquals(30, split.test().size());
    assertEquals(3, Arrays.stream(split.test().groups()).distinct().count());
    assertTrue(
        Arrays.stream(split.test().groups())
            .noneMatch(g -> Arrays.stream(split.train().groups()).anyMatch(h -> h == g)));
  }
}
