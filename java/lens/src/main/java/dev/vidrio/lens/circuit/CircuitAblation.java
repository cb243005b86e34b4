package dev.vidrio.lens.circuit;

import java.util.Locale;

/**
 * The values that edges outside a circuit carry (section 3.2 of the primer, arXiv 2405.00208).
 *
 * @see CircuitRuns
 */
public enum CircuitAblation {
  /** The source's output in the run of the pair's corrupted text: interchange, or resampling. */
  PATCH,
  /** The mean of the source's output over all tokens of the clean texts. */
  MEAN,
  /** Zeros. */
  ZERO,
  /** The constants of {@link OptimalAblation}, which are trained for each circuit. */
  OPTIMAL;

  /** Returns the name on the command line. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
