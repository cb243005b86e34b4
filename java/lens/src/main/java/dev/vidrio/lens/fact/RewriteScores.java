package dev.vidrio.lens.fact;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.List;

/**
 * The scores of rewritten facts as CounterFact defines them (Meng et al. 2022, arXiv 2202.05262),
 * as shares of prompts.
 *
 * @param efficacy of the prompts for which the target is more likely than the old answer
 * @param accuracy of the prompts for which the target is the most likely next token
 * @param paraphrase of the paraphrases for which the target is more likely than the old answer
 * @param neighborhood of the prompts of neighbors for which the old answer, theirs too, is more
 *     likely than the target
 * @see Rewriter
 */
public record RewriteScores(
    Estimate efficacy, Estimate accuracy, Estimate paraphrase, Estimate neighborhood) {
  /** Collects the outcomes of prompts. */
  public static final class Counter {
    private final List<Double> efficacy = new ArrayList<>();
    private final List<Double> accuracy = new ArrayList<>();
    private final List<Double> paraphrase = new ArrayList<>();
    private final List<Double> neighborhood = new ArrayList<>();

    /** Creates an empty counter. */
    public Counter() {}

    /**
     * Adds the prompts of a rewrite.
     *
     * @param lens of the model, with the adapter to be judged or without
     * @throws InvalidInputException if both answers begin with the same token
     */
    public void add(Lens lens, Rewrite rewrite) {
      efficacy.add(prefers(lens, rewrite, rewrite.subject(), rewrite.prompt(), true));
      Fact fact = Fact.of(lens.model(), rewrite.subject(), rewrite.prompt(), rewrite.target());
      Metric right = logits -> Vectors.argmax(logits) == fact.answer() ? 1 : 0;
      accuracy.add(right.of(lens, fact.tokens()));
      for (String prompt : rewrite.paraphrases()) {
        paraphrase.add(prefers(lens, rewrite, rewrite.subject(), prompt, true));
      }
      for (String neighbor : rewrite.neighbors()) {
        neighborhood.add(prefers(lens, rewrite, neighbor, rewrite.prompt(), false));
      }
    }

    private static double prefers(
        Lens lens, Rewrite rewrite, String subject, String prompt, boolean target) {
      Fact old = Fact.of(lens.model(), subject, prompt, rewrite.answer());
      int other = Fact.of(lens.model(), subject, prompt, rewrite.target()).answer();
      if (old.answer() == other) {
        throw new InvalidInputException(
            "target", rewrite.target(), "begins with the same token as " + rewrite.answer());
      }
      Metric difference =
          logits ->
              logits.getAtIndex(JAVA_FLOAT, other) - logits.getAtIndex(JAVA_FLOAT, old.answer());
      double value = difference.of(lens, old.tokens());
      return (target ? value > 0 : value < 0) ? 1 : 0;
    }

    /** Returns the scores. */
    public RewriteScores scores() {
      return new RewriteScores(
          Estimate.of(efficacy),
          Estimate.of(accuracy),
          Estimate.of(paraphrase),
          Estimate.of(neighborhood));
    }
  }

  /** Returns the scores of rewrites in one model. */
  public static RewriteScores of(Lens lens, List<Rewrite> rewrites) {
    var counter = new Counter();
    rewrites.forEach(rewrite -> counter.add(lens, rewrite));
    return counter.scores();
  }
}
