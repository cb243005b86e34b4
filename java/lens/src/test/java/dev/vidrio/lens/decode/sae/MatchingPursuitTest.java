package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.lens.decode.sae.MatchingPursuit.Selected;
import dev.vidrio.lens.vector.Vectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MatchingPursuitTest {
  /** The second is between the first and the third. */
  private static final float[][] DIRECTIONS = {{1, 0}, {0.6f, 0.8f}, {0, 1}};

  private static Selected run(MatchingPursuit pursuit, float[] x) {
    return pursuit.run(new float[][] {x}, DIRECTIONS, MatchingPursuitTest::products).getFirst();
  }

  private static float[][] products(float[][] rows) {
    var products = new float[rows.length][DIRECTIONS.length];
    for (int i = 0; i < rows.length; i++) {
      for (int f = 0; f < DIRECTIONS.length; f++) {
        products[i][f] = (float) Vectors.dot(rows[i], DIRECTIONS[f]);
      }
    }
    return products;
  }

  private static int[] features(Selected selected) {
    return IntStream.range(0, selected.count()).map(selected::feature).toArray();
  }

  @Test
  void leavesTheResidual() {
    float[] x = {2, 1};
    Selected selected = run(new MatchingPursuit(0, 2, true), x);
    // 2 · 0.6 + 1 · 0.8 = 2 of the second and 2 of the first: the first of equal ones is selected.
    assertArrayEquals(new int[] {0, 2}, features(selected));
    assertArrayEquals(new float[] {2, 1}, selected.values());
    assertArrayEquals(new float[] {0, 0}, x);
  }

  @Test
  void stopsIfNoProductIsPositive() {
    assertEquals(0, run(new MatchingPursuit(0, 9, false), new float[] {-1, -2}).count());
    assertEquals(1, run(new MatchingPursuit(0, 9, false), new float[] {3, -2}).count());
  }

  @Test
  void stopsBelowResidual() {
    float[] x = {3, 0.5f};
    assertEquals(1, run(new MatchingPursuit(0.6, 9, false), x.clone()).count());
    assertEquals(2, run(new MatchingPursuit(0.4, 9, false), x.clone()).count());
  }

  /** Directions of a norm below 1 leave a part of themselves. */
  @Test
  void stopsAtRepeats() {
    float[][] half = {{0.5f}};
    int[] counts =
        Stream.of(true, false)
            .mapToInt(
                stops ->
                    new MatchingPursuit(0, 40, stops)
                        .run(new float[][] {{8}}, half, rows -> new float[][] {{rows[0][0] / 2}})
                        .getFirst()
                        .count())
            .toArray();
    assertArrayEquals(new int[] {2, 40}, counts);
  }

  /** Rows that stop earlier are not multiplied again. */
  @Test
  void multipliesOnlyOpenRows() {
    var counts = new StringBuilder();
    float[][] rows = {{0, 0}, {1, 0}, {1, 1}};
    new MatchingPursuit(1e-3, 9, true)
        .run(
            rows,
            DIRECTIONS,
            open -> {
              counts.append(open.length).append(' ');
              return products(open);
            });
    assertEquals("3 1 1 ", counts.substring(0, 6));
    assertArrayEquals(new float[] {0, 0}, rows[1]);
  }
}
