package dev.vidrio.cli.lens.option;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;

/** Resolves layer numbers of options. */
public final class LayerNumber {
  private LayerNumber() {}

  /** Returns a layer from 0; negative numbers count from the end. */
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
