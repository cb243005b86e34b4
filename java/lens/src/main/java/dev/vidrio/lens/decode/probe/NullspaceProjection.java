package dev.vidrio.lens.decode.probe;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import java.util.ArrayList;
import java.util.List;

/**
 * Iterative nullspace projection, INLP (Ravfogel et al. 2020, arXiv 2004.07667): fits a linear
 * probe, removes the directions that it reads, {@code x ↦ x − Σ ⟨b, x⟩ b} for an orthonormal basis
 * of the differences of its weights, and repeats on what is left until no probe is better than the
 * most frequent class. {@link Leace} reaches the same in one step with a smaller change; INLP finds
 * all directions from which probes can learn the classes.
 *
 * @param eraser the projection of all rounds together; its center is 0
 * @param accuracies of the probe before each round and after the last one, on held-out examples;
 *     the first one is that of the unchanged activations
 * @see "docs/lens/probing.md"
 */
public record NullspaceProjection(SubspaceEraser eraser, List<Double> accuracies) {
  public NullspaceProjection {
    accuracies = List.copyOf(accuracies);
  }

  /**
   * Fits the projection.
   *
   * @param split examples to fit probes to, and held-out ones to judge them by
   * @param kind of the probes
   * @param l2 penalty of the probes
   * @param rounds maximum number of probes; each removes up to C − 1 dimensions
   */
  public static NullspaceProjection fit(
      Executor executor, Examples.Split split, LinearProbe.Kind kind, double l2, int rounds) {
    Preconditions.requireRange("rounds", rounds, 1, split.train().width());
    var center = new double[split.train().width()];
    List<double[]> directions = new ArrayList<>();
    List<Double> accuracies = new ArrayList<>();
    var eraser = SubspaceEraser.of(directions, center);
    for (int round = 0; ; round++) {
      LinearProbe probe = LinearProbe.fit(kind, executor, eraser.erase(split.train()), l2);
      Examples heldOut = eraser.erase(split.test());
      accuracies.add(probe.accuracy(heldOut));
      if (round == rounds || accuracies.getLast() <= heldOut.majority()) {
        return new NullspaceProjection(eraser, accuracies);
      }
      // Adding a vector to the weights of all classes changes nothing: only differences count.
      double[] last = probe.weights(probe.classes() - 1);
      for (int c = 0; c + 1 < probe.classes(); c++) {
        directions.add(DoubleVectors.plus(probe.weights(c), -1, last));
      }
      eraser = SubspaceEraser.of(directions, center);
    }
  }
}
