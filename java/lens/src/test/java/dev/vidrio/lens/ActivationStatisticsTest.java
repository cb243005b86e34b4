package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.lens.ActivationStatistics.Options;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Statistics are those of the activations that a cache holds. */
class ActivationStatisticsTest extends BardTest {
  private static final int[] TOKENS =
      IntStream.range(0, 70).map(i -> (i * i * 37 + 11) % 2048).toArray();
  private static final int TOP = 5;

  /** Returns the rows of points for a text that is split into windows. */
  private static Map<HookPoint, float[][]> rows(List<HookPoint> points, int window) {
    String hooks = points.stream().map(HookPoint::name).collect(Collectors.joining(","));
    Map<HookPoint, float[][]> rows = new HashMap<>();
    for (int begin = 0; begin < TOKENS.length; begin += window) {
      int end = Math.min(begin + window, TOKENS.length);
      try (ActivationCache cache =
          lens.run(Arrays.copyOfRange(TOKENS, begin, end), Capture.of(hooks))) {
        for (HookPoint point : points) {
          float[][] ofPoint = rows.computeIfAbsent(point, each -> new float[TOKENS.length][]);
          for (int i = begin; i < end; i++) {
            ofPoint[i] = cache.get(point).row(i - begin);
          }
        }
      }
    }
    return rows;
  }

  private static float[][] rows(HookPoint point) {
    return Objects.requireNonNull(rows(List.of(point), TOKENS.length).get(point));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 32, 1})
  void matchActivations(int window) {
    var statistics = ActivationStatistics.of(lens, TOKENS, "*", new Options(window, true, TOP));
    assertTrue(statistics.points().stream().anyMatch(p -> p.point().site() == HookSite.LOGITS));
    List<HookPoint> points = statistics.points().stream().map(PointStatistics::point).toList();
    Map<HookPoint, float[][]> expected = rows(points, window == 0 ? TOKENS.length : window);
    for (PointStatistics point : statistics.points()) {
      assertEquals(TOKENS.length, point.rows());
      float[][] rows = Objects.requireNonNull(expected.get(point.point()));
      for (int j = 0; j < point.width(); j++) {
        checkColumn(point, j, rows);
      }
      for (int i = 0; i < rows.length; i++) {
        double norm = Vectors.norm(rows[i]);
        assertEquals(norm, point.norms()[i], 1e-5 * norm, point.point().name());
        checkTop(point, i, rows[i]);
      }
    }
  }

  private static void checkColumn(PointStatistics point, int j, float[][] rows) {
    double sum = 0;
    double squares = 0;
    float least = Float.POSITIVE_INFINITY;
    float greatest = Float.NEGATIVE_INFINITY;
    for (float[] row : rows) {
      sum += row[j];
      squares += (double) row[j] * row[j];
      least = Math.min(least, row[j]);
      greatest = Math.max(greatest, row[j]);
    }
    assertEquals(sum / rows.length, point.mean(j));
    assertEquals(Math.sqrt(squares / rows.length), point.rms(j));
    assertEquals(least, point.least(j), 0f);
    assertEquals(greatest, point.greatest(j), 0f);
  }

  private static void checkTop(PointStatistics point, int i, float[] row) {
    int[] expected =
        IntStream.range(0, row.length)
            .boxed()
            .sorted(Comparator.comparingDouble(j -> -row[j]))
            .limit(TOP)
            .mapToInt(j -> j)
            .toArray();
    assertArrayEquals(expected, point.topColumns(i));
    for (int k = 0; k < expected.length; k++) {
      assertEquals(row[expected[k]], point.topValues(i)[k]);
    }
  }

  @Test
  void summariesAreOfAllElements() {
    HookPoint post = new HookPoint(HookSite.POST, 2);
    PointStatistics point =
        ActivationStatistics.of(lens, TOKENS, post.name(), Options.DEFAULT).points().getFirst();
    float[][] rows = rows(post);
    double sum = 0;
    double squares = 0;
    float least = 0;
    float greatest = 0;
    for (float[] row : rows) {
      for (float x : row) {
        sum += x;
        squares += (double) x * x;
        least = Math.min(least, x);
        greatest = Math.max(greatest, x);
      }
    }
    int n = rows.length * point.width();
    assertEquals(sum / n, point.mean(), 1e-12 * n);
    assertEquals(Math.sqrt(squares / n), point.rms(), 1e-12 * n);
    assertEquals(least, point.least(point.leastColumn()));
    assertEquals(greatest, point.greatest(point.greatestColumn()));
    int[] never =
        IntStream.range(0, point.width())
            .filter(j -> Arrays.stream(rows).allMatch(row -> row[j] <= 0))
            .toArray();
    assertArrayEquals(never, point.neverPositive());
    assertEquals(0, point.topColumns(3).length);
  }

  @Test
  void scalarJavaGivesTheSameBits() {
    int[] few = Arrays.copyOf(TOKENS, 9);
    var options = new Options(4, true, 3);
    try (Model scalar =
        Model.open(BardFiles.q8(), ModelOptions.with(() -> JavaExecutor.scalar(1)))) {
      var expected = ActivationStatistics.of(Lens.of(scalar), few, "*", options);
      var actual = ActivationStatistics.of(lens, few, "*", options);
      for (int p = 0; p < expected.points().size(); p++) {
        PointStatistics e = expected.points().get(p);
        PointStatistics a = actual.points().get(p);
        assertEquals(e.point(), a.point());
        for (int j = 0; j < e.width(); j++) {
          assertEquals(e.mean(j), a.mean(j));
          assertEquals(e.rms(j), a.rms(j));
          assertEquals(e.least(j), a.least(j));
          assertEquals(e.greatest(j), a.greatest(j));
        }
        assertArrayEquals(e.norms(), a.norms());
        for (int i = 0; i < few.length; i++) {
          assertArrayEquals(e.topColumns(i), a.topColumns(i));
          assertArrayEquals(e.topValues(i), a.topValues(i));
        }
      }
    }
  }

  /**
   * 24 bytes for an element of a row; 4 for a token's norm, and 8 for each of its largest elements.
   */
  @Test
  void memoryDoesNotGrowWithTheActivations() {
    int[] text = IntStream.range(0, 1500).map(i -> i * 7 % 2048).toArray();
    String hooks = "*.hook_resid_post,*.mlp.hook_post";
    long columns = 4 * 24L * (256 + 768);
    var bare = ActivationStatistics.of(lens, text, hooks, new Options(128, false, 0));
    assertEquals(columns, bare.bytes());
    assertEquals(0, bare.points().getFirst().norms().length);
    var more = ActivationStatistics.of(lens, text, hooks, new Options(128, true, 3));
    assertEquals(columns + 8L * text.length * (4 + 3 * 8), more.bytes());
  }

  private static void refused(String expected, int[] tokens, String hooks, int window, int top) {
    String message =
        assertThrows(
                InvalidInputException.class,
                () -> ActivationStatistics.of(lens, tokens, hooks, new Options(window, true, top)))
            .getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsPointsWithoutStatistics() {
    refused("not supported for derived activations", TOKENS, "*.hook_pattern", 0, 0);
    refused("not found", TOKENS, "*.hook_nothing", 0, 0);
    refused("must not be negative", TOKENS, "*", -1, 0);
    refused("must be 0 to 256", TOKENS, "*", 0, 257);
    refused("must have at least 1 token", new int[0], "*", 0, 0);
    var all = ActivationStatistics.of(lens, new int[] {1}, "*", Options.DEFAULT);
    List<HookSite> sites = all.points().stream().map(p -> p.point().site()).toList();
    assertTrue(!sites.contains(HookSite.PATTERN) && sites.contains(HookSite.Z));
  }
}
