package dev.vidrio.kernel.java.vector;

import jdk.incubator.vector.FloatVector;

/** Merges the 16 accumulators of a lane sum that vector loops stored in an array. */
final class VectorLanes {
  private VectorLanes() {}

  /** Returns the sum of lanes[at] to lanes[at + 15], in the tree of docs/numerics.md. */
  static float merge(float[] lanes, int at) {
    // Vectors of 4, which every processor has, compute two levels of the tree.
    FloatVector a = FloatVector.fromArray(FloatVector.SPECIES_128, lanes, at);
    FloatVector b = FloatVector.fromArray(FloatVector.SPECIES_128, lanes, at + 4);
    FloatVector c = FloatVector.fromArray(FloatVector.SPECIES_128, lanes, at + 8);
    FloatVector d = FloatVector.fromArray(FloatVector.SPECIES_128, lanes, at + 12);
    a.add(c).add(b.add(d)).intoArray(lanes, at);
    return (lanes[at] + lanes[at + 2]) + (lanes[at + 1] + lanes[at + 3]) + 0f;
  }
}
