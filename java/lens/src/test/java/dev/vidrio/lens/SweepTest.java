package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A sweep gives what one run per variant gives, bit for bit. */
class SweepTest {
  @TempDir Path directory;

  private static double oneByOne(Lens lens, int[] tokens, List<Intervention> edits, Metric metric) {
    int n = tokens.length;
    Capture last = Capture.of(HookSite.LOGITS.suffix()).positions(n - 1, n);
    try (ActivationCache cache = lens.run(tokens, last, edits)) {
      return metric.of(cache.get(HookSite.LOGITS).data());
    }
  }

  private static void check(
      Lens lens,
      int[] tokens,
      List<Intervention> base,
      List<List<Intervention>> variants,
      Metric metric) {
    List<Double> swept = Sweep.run(lens, tokens, base, variants, metric);
    assertEquals(variants.size(), swept.size());
    for (int i = 0; i < variants.size(); i++) {
      List<Intervention> edits = new ArrayList<>(base);
      edits.addAll(variants.get(i));
      assertEquals(oneByOne(lens, tokens, edits, metric), swept.get(i), variants.get(i).toString());
    }
  }

  /** Returns patches of every kind of point, and some that touch several, at some positions. */
  private static List<List<Intervention>> variants(
      Lens lens, ActivationCache other, int n, int step) {
    int[] positions = IntStream.iterate(0, p -> p < n, p -> p + step).toArray();
    return variants(lens, other, n, site -> positions);
  }

  /**
   * Returns such variants.
   *
   * @param positions the positions of a point's patches
   */
  private static List<List<Intervention>> variants(
      Lens lens, ActivationCache other, int n, Function<HookPoint, int[]> positions) {
    int layers = lens.model().architecture().layers();
    List<List<Intervention>> variants = new ArrayList<>();
    variants.add(List.of());
    variants.add(List.of(Intervention.patch(other, HookPoint.of(HookSite.EMBED)).position(1)));
    variants.add(List.of(Intervention.scale(HookPoint.of(HookSite.LOGITS), 2)));
    for (int l = 0; l < layers; l++) {
      for (HookSite site :
          List.of(HookSite.RESID_PRE, HookSite.ATTN_OUT, HookSite.V, HookSite.POST)) {
        var point = new HookPoint(site, l);
        if (lens.has(point)) {
          for (int p : positions.apply(point)) {
            variants.add(List.of(Intervention.patch(other, point).position(p)));
          }
        }
      }
      if (!lens.has(new HookPoint(HookSite.Z, l))) {
        continue;
      }
      Intervention z = Intervention.patch(other, new HookPoint(HookSite.Z, l)).head(1);
      Intervention later =
          Intervention.zero(new HookPoint(HookSite.MLP_OUT, layers - 1)).position(n - 1);
      variants.add(List.of(z));
      variants.add(List.of(later, z.positions(n / 2, n)));
    }
    return variants;
  }

  @ParameterizedTest
  @MethodSource(TinyModels.OF_ALL_TRAITS)
  @Tag("long")
  void coversEveryTraitOfArchitectures(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    int[] corrupted = tokens.clone();
    corrupted[1] = (corrupted[1] + 9) % 64;
    corrupted[3] = (corrupted[3] + 5) % 64;
    try (Model model = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens lens = Lens.of(model);
      try (ActivationCache other = lens.run(corrupted, Capture.of("*"))) {
        // A position in each third of the text, other ones for each point: the block at which a
        // variant starts follows from its point alone, and the position from its position alone.
        int n = tokens.length;
        int third = n / 3;
        List<List<Intervention>> variants =
            variants(
                lens,
                other,
                n,
                point -> {
                  int p = Math.floorMod(point.name().hashCode(), third);
                  return new int[] {p, third + p, 2 * third + p};
                });
        check(lens, tokens, List.of(), variants, Metric.logitDifference(5, 9));
        // Over an edit of the embedding, which per-layer inputs follow.
        List<Intervention> base =
            List.of(Intervention.scale(HookPoint.of(HookSite.EMBED), 1.5f).position(1));
        check(lens, tokens, base, variants.subList(3, 9), Metric.logit(7));
        if (lens.has(new HookPoint(HookSite.PER_LAYER_OUT, 0))) {
          return;
        }
        // All of the other run is the other run.
        Intervention all = Intervention.patch(other, new HookPoint(HookSite.RESID_PRE, 0));
        Metric metric = Metric.probability(7);
        assertEquals(
            oneByOne(lens, corrupted, List.of(), metric),
            Sweep.run(lens, tokens, List.of(), List.of(List.of(all)), metric).getFirst());
      }
    }
  }

  /** Over several blocks of the cache, and over steps that hold no more than some variants. */
  @ParameterizedTest
  @ValueSource(ints = {40, 150})
  @Tag("long")
  void theBard(int n) {
    int[] tokens = IntStream.range(0, n).map(i -> (i * 37 + 11) % 2048).toArray();
    int[] corrupted = tokens.clone();
    corrupted[n / 2] = 3;
    corrupted[3] = 4;
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      try (ActivationCache other = lens.run(corrupted, Capture.of("*"))) {
        check(
            lens,
            tokens,
            List.of(),
            variants(lens, other, n, n / 3),
            Metric.logitDifference(700, 800));
      }
    }
  }

  /** The base run may have edits of its own, before and after where a variant starts. */
  @Test
  void sweepsOverBaseRunWithEdits() {
    int[] tokens = IntStream.range(0, 12).map(i -> (i * 37 + 11) % 2048).toArray();
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      List<Intervention> base =
          List.of(
              Intervention.scale(HookPoint.of(HookSite.EMBED), 1.5f).positions(2, 6),
              Intervention.scale(new HookPoint(HookSite.RESID_PRE, 1), 1.25f),
              Intervention.scale(new HookPoint(HookSite.RESID_POST, 1), 0.75f),
              Intervention.clamp(new HookPoint(HookSite.POST, 2), -1, 1));
      try (ActivationCache other = lens.run(tokens, Capture.of("*"))) {
        check(lens, tokens, base, variants(lens, other, 12, 5), Metric.probability(700));
      }
    }
  }

  @Test
  void rejectsInvalidEdits() {
    int[] tokens = {1, 2, 3};
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      Metric metric = Metric.probability(1);
      HookPoint point = new HookPoint(HookSite.RESID_PRE, 1);
      List<List<Intervention>> late = List.of(List.of(Intervention.zero(point).position(5)));
      assertThrows(
          InvalidInputException.class, () -> Sweep.run(lens, tokens, List.of(), late, metric));
      assertThrows(
          InvalidInputException.class,
          () -> Sweep.run(lens, new int[0], List.of(), List.of(), metric));
      assertEquals(List.of(), Sweep.run(lens, tokens, List.of(), List.of(), metric));
    }
  }

  /** The predictions after several positions are those of one run per variant. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "gemma3n", "falcon-h1"})
  @Tag("long")
  void readsSeveralPositions(String name) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens lens = Lens.of(model);
      List<List<Intervention>> variants = new ArrayList<>();
      variants.add(List.of());
      for (int p = 0; p < tokens.length; p++) {
        variants.add(List.of(Intervention.zero(HookPoint.of(HookSite.EMBED)).position(p)));
        variants.add(
            List.of(Intervention.scale(new HookPoint(HookSite.RESID_PRE, 1), 2).position(p)));
      }
      List<float[]> read =
          Sweep.run(lens, tokens, List.of(), variants, 3, logits -> logits.toArray(JAVA_FLOAT));
      for (int i = 0; i < variants.size(); i++) {
        Capture last = Capture.of(HookSite.LOGITS.suffix()).last(3);
        try (ActivationCache cache = lens.run(tokens, last, variants.get(i))) {
          assertArrayEquals(cache.get(HookSite.LOGITS).toArray(), read.get(i));
        }
      }
      assertThrows(
          InvalidInputException.class,
          () -> Sweep.run(lens, tokens, List.of(), variants, tokens.length + 1, l -> 0));
    }
  }
}
