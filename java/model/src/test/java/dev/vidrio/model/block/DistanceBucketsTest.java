package dev.vidrio.model.block;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against the first distances of the buckets in transformers' MPNet, up to a distance of 200. */
class DistanceBucketsTest {
  @ParameterizedTest
  @CsvSource({
    "8, 0 1 2 16",
    "16, 0 1 2 3 4 10 23 54",
    "32, 0 1 2 3 4 5 6 7 8 12 16 23 32 46 64 91",
    "64, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 19 21 24 27 31 35 40 46 52 59 67 77 87 99 113"
  })
  void of_yieldsTheBucketsOfTransformers(int count, String firstDistances) {
    int[] first =
        Arrays.stream(firstDistances.split(" ", -1)).mapToInt(Integer::parseInt).toArray();
    var buckets = new DistanceBuckets(count, 128);
    for (int length = 0; length <= 200; length++) {
      int distance = length;
      int bucket = (int) IntStream.of(first).filter(each -> each <= distance).count() - 1;
      assertEquals(bucket, buckets.of(-distance), "before, " + distance);
      if (distance > 0) {
        assertEquals(count / 2 + bucket, buckets.of(distance), "after, " + distance);
      }
    }
  }
}
