package dev.vidrio.kernel.java.vector;

import static dev.vidrio.kernel.java.vector.Vectors.FLOATS;
import static dev.vidrio.kernel.java.vector.Vectors.LENGTH;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.runtime.Recurrence;
import dev.vidrio.kernel.java.scalar.ScalarRecurrence;
import jdk.incubator.vector.FloatVector;

/** The recurrence with the Vector API, on vectors of columns. */
final class VectorRecurrence extends ScalarRecurrence {
  VectorRecurrence(Recurrence recurrence) {
    super(recurrence);
  }

  private static int vectors(int end) {
    return end / LENGTH * LENGTH;
  }

  @Override
  protected void advance(int i, float all, float[] weights, int begin, int end) {
    for (int c = begin; c < vectors(end); c += LENGTH) {
      long at = state + (long) i * dV + c;
      FloatVector sum = Vectors.load(memory, at).mul(all);
      for (int j = 0; j < weights.length; j++) {
        sum =
            Vectors.load(memory, update(j) + c).fma(FloatVector.broadcast(FLOATS, weights[j]), sum);
      }
      Vectors.store(sum, memory, at);
    }
    super.advance(i, all, weights, vectors(end), end);
  }

  @Override
  protected void columns(int begin, int end) {
    for (int c = begin; c < vectors(end); c += LENGTH) {
      vector(c);
    }
    super.columns(vectors(end), end);
  }

  private void vector(int c) {
    FloatVector known = FloatVector.zero(FLOATS);
    FloatVector z = known;
    for (int i = 0; i < dK; i++) {
      FloatVector row = Vectors.load(memory, state + (long) i * dV + c);
      known =
          row.fma(
              FloatVector.broadcast(FLOATS, Elements.get(recurrence.inputs().k(), keyRow + i)),
              known);
      z =
          row.fma(
              FloatVector.broadcast(FLOATS, Elements.get(recurrence.inputs().q(), keyRow + i)), z);
    }
    known = known.mul(decay);
    z = z.mul(decay);
    for (int j = 0; j < t; j++) {
      FloatVector update = Vectors.load(memory, update(j) + c);
      known = update.fma(FloatVector.broadcast(FLOATS, byKey[j]), known);
      z = update.fma(FloatVector.broadcast(FLOATS, byQuery[j]), z);
    }
    FloatVector v = Vectors.load(recurrence.inputs().v(), valueRow + c);
    FloatVector update = (recurrence.delta() ? v.sub(known) : v).mul(beta);
    Vectors.store(update, memory, update(t) + c);
    z = update.fma(FloatVector.broadcast(FLOATS, byQuery[t]), z);
    Vectors.store(
        skips ? v.fma(FloatVector.broadcast(FLOATS, skip), z) : z, recurrence.z(), valueRow + c);
  }
}
