package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.List;
import org.junit.jupiter.api.Test;

class PatchscopeTest extends BardTest {
  private static final Capture LOGITS = Capture.of("unembed.hook_out");
  private static final HookPoint POINT = new HookPoint(HookSite.RESID_POST, 2);

  private final int[] source = model.tokenizer().encode("The king and his queen");
  private final int[] target = model.tokenizer().encode(Patchscope.IDENTITY);

  /** Put where it came from, it changes no bit. */
  @Test
  void sameTextPositionAndPointReproduceRun() {
    for (int position = 0; position < source.length; position++) {
      Intervention edit = Patchscope.of(lens, source, position, POINT).into(POINT, position);
      try (ActivationCache plain = lens.run(source, LOGITS);
          ActivationCache scoped = lens.run(source, LOGITS, List.of(edit))) {
        assertArrayEquals(
            plain.get(HookSite.LOGITS).toArray(), scoped.get(HookSite.LOGITS).toArray());
      }
    }
  }

  /** The stream of the last token after the last layer is all that the next token depends on. */
  @Test
  void lastStreamReproducesItsText() {
    HookPoint last = new HookPoint(HookSite.RESID_POST, 3);
    int end = source.length - 1;
    Patchscope scope = Patchscope.of(lens, source, end, last);
    List<Integer> said = scope.read(lens, target, target.length - 1, last, 1);
    try (ActivationCache plain = lens.run(source, LOGITS)) {
      float[] row = plain.get(HookSite.LOGITS).row(end);
      for (float logit : row) {
        assertTrue(logit <= row[said.getFirst()]);
      }
    }
  }

  /** Reads on as the model generates, where nothing is changed. */
  @Test
  void continuesGreedily() {
    Patchscope own = Patchscope.of(lens, target, 2, POINT);
    List<Integer> expected =
        model
            .generate(
                target,
                GenerationOptions.DEFAULT
                    .withTokens(6)
                    .withSampling(SamplingOptions.builder().temperature(0).build()))
            .result()
            .tokens();
    assertEquals(expected, own.read(lens, target, 2, POINT, 6));
  }

  @Test
  void mappingsApply() {
    Patchscope scope = Patchscope.of(lens, source, 2, POINT);
    float[] doubled = new float[256];
    try (ActivationCache cache = lens.run(source, Capture.of(POINT.name()))) {
      for (int j = 0; j < doubled.length; j++) {
        doubled[j] = 2 * cache.get(POINT).at(2, j);
      }
    }
    Intervention edit =
        scope
            .map(
                x -> {
                  for (int j = 0; j < x.length; j++) {
                    x[j] *= 2;
                  }
                  return x;
                })
            .into(POINT, 1);
    try (ActivationCache expected =
            lens.run(target, LOGITS, List.of(Intervention.set(POINT, doubled).position(1)));
        ActivationCache actual = lens.run(target, LOGITS, List.of(edit))) {
      assertArrayEquals(
          expected.get(HookSite.LOGITS).toArray(), actual.get(HookSite.LOGITS).toArray());
    }
  }

  @Test
  void reportsInvalidInput() {
    assertThrows(
        InvalidInputException.class, () -> Patchscope.of(lens, source, source.length, POINT));
    HookPoint pattern = new HookPoint(HookSite.PATTERN, 0);
    assertThrows(InvalidInputException.class, () -> Patchscope.of(lens, source, 0, pattern));
    Patchscope scope = Patchscope.of(lens, source, 0, POINT);
    assertThrows(InvalidInputException.class, () -> scope.read(lens, target, -1, POINT, 1));
    assertThrows(InvalidInputException.class, () -> scope.read(lens, target, 0, POINT, 0));
  }
}
