package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.lens.resolve.Preconditions;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which activations features read and write. Activations of a token are concatenated to a row.
 *
 * @param width of each activation
 * @param inputs number of activations that are read
 * @param outputs number of activations that are written
 * @param reconstructs whether the outputs are the inputs
 * @param groups of features that read and write the same activations
 */
record CrossLayout(int width, int inputs, int outputs, boolean reconstructs, List<Group> groups) {
  /**
   * A range of inputs and a range of outputs.
   *
   * @param readFrom index of the first input
   * @param readTo index after the last input
   * @param writeFrom index of the first output
   * @param writeTo index after the last output
   */
  record Group(int readFrom, int readTo, int writeFrom, int writeTo) {}

  CrossLayout {
    groups = List.copyOf(groups);
  }

  /** Returns the layout of a crosscoder: all features read and write all activations. */
  static CrossLayout crosscoder(int activations, int width) {
    Preconditions.require(
        activations >= 2, "hooks", activations, "a crosscoder has 2 activations or more");
    return new CrossLayout(
        width, activations, activations, true, List.of(new Group(0, activations, 0, activations)));
  }

  /** Returns the layout of a cross-layer transcoder. */
  static CrossLayout crossLayer(int layers, int width) {
    return new CrossLayout(
        width,
        layers,
        layers,
        false,
        IntStream.range(0, layers).mapToObj(l -> new Group(l, l + 1, l, layers)).toList());
  }

  /** Returns the first column of the inputs of a group. */
  int readFrom(Group group) {
    return width * group.readFrom;
  }

  /** Returns the column after the inputs of a group. */
  int readTo(Group group) {
    return width * group.readTo;
  }

  /** Returns the first column of the outputs of a group, among all outputs. */
  int writeFrom(Group group) {
    return width * group.writeFrom;
  }

  /** Returns the column after the outputs of a group, among all outputs. */
  int writeTo(Group group) {
    return width * group.writeTo;
  }

  /** Returns the number of floats of a token's inputs and outputs, once each. */
  int columns() {
    return width * (reconstructs ? inputs : inputs + outputs);
  }
}
