package dev.vidrio.lens.partial;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Single heads have the bits of products with whole matrices. */
class SingleHeadsTest {
  private static final int ROWS = 5;

  private static Model open(String file, Repacking repacking) {
    Path path = file.equals("f32") ? BardFiles.f32() : BardFiles.q8();
    return Model.open(path, ModelOptions.DEFAULT.withRepacking(repacking));
  }

  private static float[] random(int elements) {
    var random = new SplittableRandom(elements);
    var values = new float[elements];
    IntStream.range(0, elements).forEach(i -> values[i] = (float) random.nextDouble(-1, 1));
    return values;
  }

  @ParameterizedTest
  @CsvSource({"f32,AT_ONCE", "q8,AT_ONCE", "q8,DEFERRED", "q8,NEVER"})
  void resultsAreProductsWithAllOtherHeadsZero(String file, Repacking repacking) {
    try (Model model = open(file, repacking)) {
      HookMap hooks = HookMap.of(model);
      var source = (HookSource.HeadResults) hooks.source(new HookPoint(HookSite.RESULT, 1));
      assertTrue(HeadColumns.divides(source.output(), source.heads()));
      int heads = source.heads();
      int d = source.output().n();
      int part = source.z().width() / heads;
      float[] z = random(ROWS * heads * part);
      var results = new float[ROWS * heads * d];
      MemorySegment target = MemorySegment.ofArray(results);
      HeadResults.fill(source, model.executor(), MemorySegment.ofArray(z), target);
      var expected = new float[ROWS * heads * d];
      try (RowPlan plan = RowPlan.product(model.executor(), source.output(), 4)) {
        plan.run(
            ROWS * heads,
            (i, row) -> {
              row.fill((byte) 0);
              MemorySegment.copy(z, i * part, row, JAVA_FLOAT, 4L * part * (i % heads), part);
            },
            (i, row) -> MemorySegment.copy(row, JAVA_FLOAT, 0, expected, i * d, d));
      }
      assertArrayEquals(expected, results, 0);
    }
  }

  @ParameterizedTest
  @CsvSource({"f32,AT_ONCE", "q8,AT_ONCE", "q8,DEFERRED", "q8,NEVER"})
  void projectionsArePartsOfTheWholeProjection(String file, Repacking repacking) {
    try (Model model = open(file, repacking)) {
      HookMap hooks = HookMap.of(model);
      Buffer stream = hooks.stream(2);
      for (HookSite site : List.of(HookSite.Q, HookSite.K, HookSite.V)) {
        Buffer whole = hooks.buffer(new HookPoint(site, 2));
        List<Op> path = hooks.between(stream, whole);
        int heads = site == HookSite.Q ? hooks.heads(2) : hooks.kvHeads(2);
        float[] x = random(ROWS * stream.width());
        RowPlan.Row input =
            (i, row) ->
                MemorySegment.copy(x, i * stream.width(), row, JAVA_FLOAT, 0, stream.width());
        var expected = new float[ROWS * whole.width()];
        try (var plan = new RowPlan(model.executor(), stream, path, whole, 4)) {
          plan.run(
              ROWS,
              input,
              (i, row) ->
                  MemorySegment.copy(
                      row, JAVA_FLOAT, 0, expected, i * whole.width(), whole.width()));
        }
        var actual = new float[expected.length];
        int width = whole.width() / heads;
        try (HeadProjection projection =
            Objects.requireNonNull(HeadProjection.of(model.executor(), stream, path, heads, 2))) {
          projection.run(
              ROWS,
              input,
              IntStream.range(0, heads).boxed().toList(),
              (h, begin, rows) -> {
                for (int i = 0; i < rows.byteSize() / (4L * width); i++) {
                  int at = (begin + i) * whole.width() + h * width;
                  MemorySegment.copy(rows, JAVA_FLOAT, 4L * i * width, actual, at, width);
                }
              });
        }
        assertArrayEquals(expected, actual, 0);
      }
    }
  }
}
