package dev.vidrio.lens.fact;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.List;

/**
 * A fact and what it shall become, in the form of CounterFact (Meng et al. 2022, arXiv 2202.05262):
 * the prompt {@code {} is a city in the country of} for Lyon, with the answer France, shall give
 * Spain.
 *
 * @param subject such as Lyon
 * @param prompt with {@value Fact#SUBJECT} for the subject
 * @param answer that the model gives
 * @param target that it shall give
 * @param paraphrases other prompts with {@value Fact#SUBJECT} for the same answer
 * @param neighbors other subjects of the prompt with the same answer, which shall keep it
 * @see "docs/lens/facts.md"
 */
public record Rewrite(
    String subject,
    String prompt,
    String answer,
    String target,
    List<String> paraphrases,
    List<String> neighbors) {
  /**
   * Checks and copies the parts.
   *
   * @throws InvalidInputException if a prompt has no placeholder for the subject
   */
  public Rewrite {
    paraphrases = List.copyOf(paraphrases);
    neighbors = List.copyOf(neighbors);
    requireSubject(prompt);
    paraphrases.forEach(Rewrite::requireSubject);
  }

  private static void requireSubject(String prompt) {
    Preconditions.require(
        prompt.contains(Fact.SUBJECT), "prompt", prompt, "must contain " + Fact.SUBJECT);
  }
}
