package dev.vidrio.lens.decode.sae.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares sums over active features with loops in double precision. */
class FeatureProductsTest {
  private static final int FEATURES = 300;
  private static final int BATCH = 70;
  private static final int WIDTH = 48;
  private static final double TOLERANCE = 1e-5;

  private final SplitMix64 random = new SplitMix64(1);

  private float[][] random(int rows, int columns) {
    var x = new float[rows][columns];
    for (float[] row : x) {
      for (int j = 0; j < columns; j++) {
        row[j] = (float) random.nextDouble() - 0.5f;
      }
    }
    return x;
  }

  /** A share of 1/100 takes sums of rows, the others whole matrices; batches may be smaller. */
  @ParameterizedTest
  @ValueSource(doubles = {0.01, 0.1, 0.9})
  void sumsAreThoseOfLoops(double share) {
    int tokens = BATCH - 6;
    float[][] values = random(tokens, FEATURES);
    float[][] chances = random(tokens, FEATURES);
    float[][] decoder = random(FEATURES, WIDTH);
    float[][] rows = random(tokens, WIDTH);
    ActiveFeatures active =
        ActiveFeatures.of(
            values,
            t ->
                IntStream.range(0, FEATURES)
                    .filter(f -> chances[t][f] + 0.5 < share || f == 7)
                    .toArray());
    try (Executor executor = NativeExecutor.create();
        var products = new FeatureProducts(executor, FEATURES, BATCH)) {
      for (int repeat = 0; repeat < 2; repeat++) {
        float[] slopes =
            products.slopes(List.of(active), decoder, TokenRows.common(rows)).getFirst();
        var outputs = new float[tokens][WIDTH];
        var sums = new float[FEATURES][WIDTH];
        outputs[0][0] = 1;
        sums[0][0] = 1;
        products.addOutputs(active, decoder, outputs);
        products.addRows(active, slopes, TokenRows.common(rows), sums);
        var expectedOutputs = new double[tokens][WIDTH];
        var expectedSums = new double[FEATURES][WIDTH];
        expectedOutputs[0][0] = 1;
        expectedSums[0][0] = 1;
        for (int f = 0; f < FEATURES; f++) {
          for (int i = active.begin(f); i < active.begin(f + 1); i++) {
            int t = active.token(i);
            double slope = 0;
            for (int j = 0; j < WIDTH; j++) {
              slope += (double) rows[t][j] * decoder[f][j];
              expectedOutputs[t][j] += (double) active.value(i) * decoder[f][j];
            }
            assertEquals(slope, slopes[i], TOLERANCE);
            for (int j = 0; j < WIDTH; j++) {
              expectedSums[f][j] += slope * rows[t][j];
            }
          }
        }
        assertClose(expectedOutputs, outputs);
        assertClose(expectedSums, sums);
      }
    }
  }

  private static void assertClose(double[][] expected, float[][] actual) {
    for (int i = 0; i < expected.length; i++) {
      for (int j = 0; j < expected[i].length; j++) {
        assertEquals(expected[i][j], actual[i][j], TOLERANCE, i + ", " + j);
      }
    }
  }
}
