package dev.vidrio.lens.decode;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.numeric.Eigenvalues;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * A matrix {@code M = A B} of low rank r, such as {@code W_OV = W_V W_O} of a head, which is never
 * multiplied out: products, norms, eigenvalues and singular vectors follow from r × r matrices.
 * {@code x M} reads rows x. The class of the same name in TransformerLens offers the same.
 *
 * @see HeadMatrices#ov
 * @see "docs/lens/decoding.md"
 */
public final class FactoredMatrix {
  private final float[][] left;
  private final float[][] right;

  /** Creates A B; the arrays must not change. */
  FactoredMatrix(float[][] left, float[][] right) {
    this.left = left;
    this.right = right;
  }

  /**
   * Creates A B.
   *
   * @param left A, [m][r]
   * @param right B, [r][n]
   * @throws InvalidInputException if a factor has no elements or rows of different lengths, or the
   *     columns of A do not match the rows of B
   */
  public static FactoredMatrix of(float[][] left, float[][] right) {
    int rank = width("left factor", left);
    width("right factor", right);
    Preconditions.require(
        right.length == rank, "right factor", right.length + " rows", "must have " + rank);
    return new FactoredMatrix(copy(left), copy(right));
  }

  private static int width(String name, float[][] matrix) {
    boolean any = matrix.length > 0 && matrix[0].length > 0;
    Preconditions.require(any, name, "0 elements", "must have at least one");
    int width = matrix[0].length;
    for (float[] row : matrix) {
      Preconditions.require(
          row.length == width, name, row.length + " elements in a row", "must have " + width);
    }
    return width;
  }

  private static float[][] copy(float[][] matrix) {
    return Vectors.copy(matrix);
  }

  /** Returns a copy of A, [m][r]. */
  public float[][] left() {
    return copy(left);
  }

  /** Returns a copy of B, [r][n]. */
  public float[][] right() {
    return copy(right);
  }

  /** Returns m, the length of the rows that the matrix reads. */
  public int rows() {
    return left.length;
  }

  /** Returns n, the length of the rows that it writes. */
  public int columns() {
    return right[0].length;
  }

  /** Returns r, the width of the factors. */
  public int rank() {
    return right.length;
  }

  /**
   * Returns {@code x M}, [n].
   *
   * @param x [m]
   * @throws InvalidInputException if x has another length
   */
  public float[] written(float[] x) {
    Preconditions.require(
        x.length == rows(), "vector", x.length + " elements", "must be of " + rows());
    return times(times(x, left), right);
  }

  /** Returns x M, [N]. */
  private static float[] times(float[] x, float[][] matrix) {
    var sum = new double[matrix[0].length];
    for (int j = 0; j < x.length; j++) {
      for (int i = 0; i < sum.length; i++) {
        sum[i] += (double) x[j] * matrix[j][i];
      }
    }
    return DoubleVectors.floats(sum);
  }

  /**
   * Returns {@code M N}, the matrix that reads what this one writes: for two heads, the OV circuit
   * of the virtual head that they form together.
   *
   * @throws InvalidInputException if the next matrix reads rows of another length
   */
  public FactoredMatrix then(FactoredMatrix next) {
    Preconditions.require(
        next.rows() == columns(), "matrix", next.rows() + " rows", "must have " + columns());
    float[][] inner =
        Arrays.stream(right).map(row -> times(row, next.left)).toArray(float[][]::new);
    float[][] outer = Arrays.stream(left).map(row -> times(row, inner)).toArray(float[][]::new);
    return new FactoredMatrix(outer, next.right);
  }

  /** Returns Mᵀ. */
  public FactoredMatrix transposed() {
    return new FactoredMatrix(MatrixProduct.transposed(right), MatrixProduct.transposed(left));
  }

  /** Returns the Frobenius norm: {@code ‖A B‖² = ⟨AᵀA, B Bᵀ⟩}. */
  public double norm() {
    float[][] columns = MatrixProduct.transposed(left);
    double sum = 0;
    for (int i = 0; i < right.length; i++) {
      for (int j = 0; j < right.length; j++) {
        sum += Vectors.dot(columns[i], columns[j]) * Vectors.dot(right[i], right[j]);
      }
    }
    return Math.sqrt(Math.max(0, sum));
  }

  /**
   * An eigenvalue λ.
   *
   * @param real Re λ
   * @param imaginary Im λ
   */
  public record Eigenvalue(double real, double imaginary) {
    /** Returns |λ|. */
    public double magnitude() {
      return Math.hypot(real, imaginary);
    }
  }

  /**
   * Returns the r eigenvalues that need not be 0, in descending order of magnitude: those of {@code
   * B A}, r × r.
   *
   * @throws InvalidInputException if the matrix is not square
   */
  public List<Eigenvalue> eigenvalues() {
    Preconditions.require(
        rows() == columns(), "matrix", rows() + " × " + columns(), "must be square");
    float[][] columns = MatrixProduct.transposed(left);
    var inner = new double[rank()][rank()];
    for (int i = 0; i < inner.length; i++) {
      for (int j = 0; j < inner.length; j++) {
        inner[i][j] = Vectors.dot(right[i], columns[j]);
      }
    }
    return Arrays.stream(Eigenvalues.of(inner))
        .map(value -> new Eigenvalue(value[0], value[1]))
        .sorted(Comparator.comparingDouble(Eigenvalue::magnitude).reversed())
        .toList();
  }

  /** Returns all r singular triples, in descending order: {@code M = Σ σ uᵀ v}. */
  public List<SingularTriple> singular() {
    int rank = rank();
    // Decomposes A = U S Vᵀ first, then the small S Vᵀ B, to avoid a decomposition of m × n.
    var first = SingularVectors.of(DoubleVectors.doubles(MatrixProduct.transposed(left)));
    double[][] out = DoubleVectors.doubles(right);
    var inner = new double[rank][columns()];
    for (int r = 0; r < rank; r++) {
      for (int i = 0; i < rank; i++) {
        DoubleVectors.add(inner[r], first.values()[r] * first.left(r)[i], out[i]);
      }
    }
    var second = SingularVectors.of(inner);
    var found = new SingularTriple[rank];
    for (int s = 0; s < rank; s++) {
      var reads = new double[rows()];
      for (int r = 0; r < rank; r++) {
        DoubleVectors.add(reads, second.left(s)[r], first.right(r));
      }
      found[s] =
          new SingularTriple(
              second.values()[s],
              DoubleVectors.floats(reads),
              DoubleVectors.floats(second.right(s)));
    }
    return List.of(found);
  }
}
