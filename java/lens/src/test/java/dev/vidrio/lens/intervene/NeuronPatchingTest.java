package dev.vidrio.lens.intervene;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.NeuronPatching.Neuron;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Estimates against differences of runs in which a neuron moves a little. */
class NeuronPatchingTest extends F32BardTest {
  private static final TextPair PAIR =
      TextPair.of(
          new int[] {5, 120, 44, 700, 31, 8, 90}, new int[] {5, 120, 45, 700, 31, 9, 90}, 7, 8);
  private static final int LAYERS = 4;

  @TempDir Path directory;

  /** Returns the slope of the metric as a neuron moves, with a layer's outputs held fixed. */
  private static double slope(Neuron neuron, int fixed) {
    var point = new HookPoint(HookSite.POST, neuron.layer());
    int[] clean = PAIR.clean();
    try (ActivationCache here = lens.run(clean, Capture.of("*"));
        ActivationCache there = lens.run(PAIR.corrupted(), Capture.of(point.name()))) {
      List<Intervention> frozen = new ArrayList<>();
      if (fixed >= 0) {
        frozen.add(Intervention.patch(here, new HookPoint(HookSite.ATTN_OUT, fixed)));
        frozen.add(Intervention.patch(here, new HookPoint(HookSite.MLP_OUT, fixed)));
      }
      double step = 0.02;
      double difference = 0;
      for (int sign : new int[] {1, -1}) {
        List<Intervention> edits = new ArrayList<>(frozen);
        for (int i = 0; i < clean.length; i++) {
          float[] row = here.get(point).row(i).clone();
          float change = there.get(point).row(i)[neuron.index()] - row[neuron.index()];
          row[neuron.index()] += (float) (sign * step * change);
          edits.add(Intervention.set(point, row).position(i));
        }
        difference += sign * PAIR.metric().of(lens, clean, edits);
      }
      return difference / (2 * step);
    }
  }

  @Test
  void estimatesAreSlopes() {
    NeuronPatching patching = NeuronPatching.of(lens, List.of(PAIR), true, share -> {});
    assertEquals(PAIR.metric().of(lens, PAIR.clean()), patching.clean(), 1e-6);
    assertEquals(PAIR.metric().of(lens, PAIR.corrupted()), patching.corrupted(), 1e-6);
    List<Neuron> neurons = new ArrayList<>(patching.strongest(3));
    neurons.add(new Neuron(1, 5));
    for (Neuron neuron : neurons) {
      double estimate = patching.estimates().get(neuron.layer()).get(neuron.index());
      assertEquals(slope(neuron, -1), estimate, 2e-3 * Math.max(0.1, Math.abs(estimate)));
      double magnitude = 0;
      for (int l = 0; l < LAYERS; l++) {
        magnitude += Math.abs(slope(neuron, l)) / (LAYERS - 1);
      }
      double actual = patching.magnitudes().get(neuron.layer()).get(neuron.index());
      assertEquals(magnitude, actual, 4e-3 * Math.max(0.1, magnitude), neuron.name());
    }
  }

  /** Patched neurons are runs of their own; estimates are close to them. */
  @Test
  void patchesNeurons() {
    List<TextPair> pairs = List.of(PAIR, TextPair.of(new int[] {5, 9}, new int[] {6, 9}, 7, 8));
    NeuronPatching patching = NeuronPatching.of(lens, pairs, false, share -> {});
    assertEquals(
        patching.magnitudes().get(2).get(7), Math.abs(patching.estimates().get(2).get(7)), 0.1);
    List<Neuron> neurons = patching.strongest(2);
    List<Estimate> exact = NeuronPatching.exact(lens, pairs, neurons);
    for (int i = 0; i < neurons.size(); i++) {
      Neuron neuron = neurons.get(i);
      var point = new HookPoint(HookSite.POST, neuron.layer());
      double sum = 0;
      for (TextPair pair : pairs) {
        try (ActivationCache there = lens.run(pair.corrupted(), Capture.of(point.name()))) {
          List<Intervention> edit =
              List.of(Intervention.patch(there, point).neuron(neuron.index()));
          sum += pair.metric().of(lens, pair.clean(), edit) - pair.metric().of(lens, pair.clean());
        }
      }
      assertEquals(sum / 2, exact.get(i).mean(), 1e-9);
      assertTrue(exact.get(i).halfWidth() >= 0);
    }
  }

  @Test
  void refusesExpertsAndMissingPairs() throws IOException {
    assertThrows(
        InvalidInputException.class, () -> NeuronPatching.of(lens, List.of(), false, share -> {}));
    Path file = TinyModels.write(directory.resolve("mixtral.gguf"), "mixtral");
    try (Model experts = Model.open(file)) {
      var pair = TextPair.of(new int[] {1, 2}, new int[] {3, 2}, 3, 4);
      InvalidInputException e =
          assertThrows(
              InvalidInputException.class,
              () -> NeuronPatching.of(Lens.of(experts), List.of(pair), false, share -> {}));
      assertTrue(String.valueOf(e.getMessage()).contains("belong to experts"), e.getMessage());
    }
  }
}
