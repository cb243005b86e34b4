package dev.vidrio.lens.decode;

/**
 * A singular value σ of a matrix M and its vectors, unit rows u and v (Millidge and Black 2022):
 * the component of an input along {@code reads} is written along {@code writes}, times {@code
 * value}, {@code x M = Σ σ ⟨x, u⟩ v}. The common sign of a pair is arbitrary.
 *
 * @see "docs/lens/decoding.md"
 */
public final class SingularTriple {
  private final double value;
  private final float[] reads;
  private final float[] writes;

  SingularTriple(double value, float[] reads, float[] writes) {
    this.value = value;
    this.reads = reads;
    this.writes = writes;
  }

  /** Returns σ. */
  public double value() {
    return value;
  }

  /** Returns u, with an element for each row of the matrix. */
  public float[] reads() {
    return reads.clone();
  }

  /** Returns v, with an element for each column of the matrix. */
  public float[] writes() {
    return writes.clone();
  }
}
