package dev.vidrio.lens.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.MassiveActivations.Element;
import dev.vidrio.model.Model;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class MassiveActivationsTest {
  /** Against the definitions, over all elements of a stream. */
  @Test
  void largestElementsAndNorms() {
    try (Model model = Model.open(BardFiles.q8());
        ActivationCache cache =
            Lens.of(model).run("To be, or not to be", Capture.of("*.hook_resid_post, *.hook_z"))) {
      var activations = MassiveActivations.of(cache, 3);
      assertEquals(4, activations.norms().size());
      assertEquals(4 * 3, activations.largest().size());
      Activation stream = cache.get("blocks.2.hook_resid_post");
      double[] magnitudes = new double[(int) stream.elements()];
      for (int i = 0; i < magnitudes.length; i++) {
        magnitudes[i] = Math.abs(stream.toArray()[i]);
      }
      Arrays.sort(magnitudes);
      for (int rank = 0; rank < 3; rank++) {
        Element element = activations.largest().get(2 * 3 + rank);
        double expected = magnitudes[magnitudes.length - 1 - rank];
        assertEquals(expected, Math.abs(element.value()));
        assertEquals(element.value(), stream.at(element.position(), element.dimension()));
        assertEquals(expected / magnitudes[magnitudes.length / 2], element.ratio(), 1e-9);
        assertFalse(element.massive());
      }
      double squares = 0;
      for (float value : stream.row(4)) {
        squares += (double) value * value;
      }
      assertEquals(Math.sqrt(squares), activations.norms().get(2).values().get(4), 1e-9);
    }
  }

  @Test
  void massiveIsAboveAHundredAndAThousandTimesTheMedian() {
    var point = new HookPoint(HookSite.RESID_POST, 0);
    assertTrue(new Element(point, 0, 0, -101, 1000).massive());
    assertFalse(new Element(point, 0, 0, 99, 5000).massive());
    assertFalse(new Element(point, 0, 0, 500, 999).massive());
  }
}
