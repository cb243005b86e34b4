package dev.vidrio.lens.task;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A task given by inputs and outputs, such as antonyms, as prompts of Todd et al. (2024, arXiv
 * 2310.15213): {@code Q: hot\nA: cold\n\nQ: tall\nA:}.
 *
 * @param name of the task
 * @param pairs different inputs with their outputs
 */
public record Task(String name, List<Pair> pairs) {
  /** An input and its output. */
  public record Pair(String input, String output) {
    /**
     * @throws InvalidInputException if one is blank
     */
    public Pair {
      Preconditions.require(!input.isBlank(), "input", input, "must not be empty");
      Preconditions.require(!output.isBlank(), "output", output, "must not be empty");
    }
  }

  /** A prompt, which ends with {@code A:}, and its answer. */
  static final class Prompt {
    private final int[] tokens;
    private final int answer;

    Prompt(int[] tokens, int answer) {
      this.tokens = tokens;
      this.answer = answer;
    }

    int[] tokens() {
      return tokens.clone();
    }

    /** Returns the first token of the output. */
    int answer() {
      return answer;
    }
  }

  public Task {
    pairs = List.copyOf(pairs);
  }

  /** Returns the task with pairs in a random order. */
  Task shuffled(long seed) {
    List<Pair> order = new ArrayList<>(pairs);
    shuffle(order, new SplitMix64(seed));
    return new Task(name, order);
  }

  private static <T> void shuffle(List<T> list, SplitMix64 random) {
    for (int i = list.size() - 1; i > 0; i--) {
      int j = (int) (random.nextDouble() * (i + 1));
      list.set(i, list.set(j, list.get(i)));
    }
  }

  /**
   * Returns prompts with demonstrations and a query, all different pairs.
   *
   * @param count number of prompts
   * @param shots number of demonstrations per prompt; fewer than the pairs
   * @param mixed whether the outputs of a prompt's demonstrations are exchanged at random
   */
  List<Prompt> prompts(Model model, int count, int shots, boolean mixed, long seed) {
    var random = new SplitMix64(seed);
    List<Prompt> prompts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      List<Pair> order = new ArrayList<>(pairs);
      shuffle(order, random);
      prompts.add(prompt(model, order.subList(1, shots + 1), order.getFirst(), mixed, random));
    }
    return prompts;
  }

  /** Returns a prompt with the first pairs as demonstrations. */
  Prompt prompt(Model model, Pair query, int shots, boolean mixed, long seed) {
    return prompt(model, pairs.subList(0, shots), query, mixed, new SplitMix64(seed));
  }

  private static Prompt prompt(
      Model model, List<Pair> shots, Pair query, boolean mixed, SplitMix64 random) {
    List<String> outputs = new ArrayList<>(shots.stream().map(Pair::output).toList());
    if (mixed) {
      shuffle(outputs, random);
    }
    var text = new StringBuilder();
    for (int i = 0; i < shots.size(); i++) {
      text.append("Q: " + shots.get(i).input + "\nA: " + outputs.get(i) + "\n\n");
    }
    text.append("Q: " + query.input + "\nA:");
    int[] tokens = model.tokenizer().encode(text.toString());
    int[] answered = model.tokenizer().encode(text + " " + query.output);
    int common = Arrays.mismatch(tokens, answered);
    Preconditions.require(
        common == tokens.length, "output", query.output, "is not separate from the prompt");
    return new Prompt(tokens, answered[common]);
  }
}
