package dev.vidrio.lens.decode.sae;

/**
 * The activations that an autoencoder or transcoder reads and writes. A row of them has the input
 * of a token and then, of a transcoder, its output.
 *
 * @param inputs d_in
 * @param outputs d_out
 * @param transcoder whether the outputs are not the inputs
 * @param skips whether the transcoder has a skip connection
 */
record SaeShape(int inputs, int outputs, boolean transcoder, boolean skips) {
  static SaeShape autoencoder(int width) {
    return new SaeShape(width, width, false, false);
  }

  static SaeShape transcoder(int inputs, int outputs, boolean skips) {
    return new SaeShape(inputs, outputs, true, skips);
  }

  /** Returns the number of floats of a row. */
  int columns() {
    return transcoder ? inputs + outputs : inputs;
  }

  /** Returns the name of the kind, for errors. */
  String kind() {
    return transcoder ? skips ? "transcoder with a skip connection" : "transcoder" : "autoencoder";
  }
}
