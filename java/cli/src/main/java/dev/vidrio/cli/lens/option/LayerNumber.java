package dev.vidrio.cli.lens.option;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;

/** Layers as people count them. */
public final class LayerNumber {
  private LayerNumber() {}

  /** A layer from 0, of a number that counts from the end where it is negative. */
  public static int of(Model model, int number) {
    int layers = model.architecture().layers();
    int layer = number < 0 ? layers + number : number;
    if (layer < 0 || layer >= layers) {
      throw new InvalidInputException(
          "layer", Integer.toString(number), "must be " + -layers + " to " + (layers - 1));
    }
    return layer;
  }
}
