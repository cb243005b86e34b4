package dev.vidrio.cli.lens.option;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.ScalarFeature;
import java.util.List;

/** The name of an element of an activation: {@code blocks.2.mlp.hook_post:17}. */
public final class NeuronName {
  private NeuronName() {}

  /** Parses a name. */
  public static ScalarFeature.Element parse(Lens lens, String name) {
    int colon = name.lastIndexOf(':');
    if (colon < 0 || !name.substring(colon + 1).matches("\\d{1,9}")) {
      throw new InvalidInputException("neuron", name, "must be a hook point, a colon and a number");
    }
    List<HookPoint> points = lens.points(name.substring(0, colon));
    if (points.size() != 1) {
      throw new InvalidInputException("neuron", name, "must be of one hook point");
    }
    return new ScalarFeature.Element(
        points.getFirst(), Integer.parseInt(name.substring(colon + 1)));
  }
}
