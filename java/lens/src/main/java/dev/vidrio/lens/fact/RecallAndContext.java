package dev.vidrio.lens.fact;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Recall against context (Yu, Merullo and Pavlick 2023, arXiv 2310.15910): which heads promote what
 * the model has learned, and which what the context says, if the two disagree? The prompts first
 * state a false answer, then ask: {@code The capital of France is the city of Rome. The capital of
 * France is the city of}.
 *
 * @param recalled share of prompts with the answer of the fact as the most likely next token
 * @param copied share of prompts with the false answer of the context as the most likely next token
 * @param difference the logit of the fact's answer minus that of the false one
 * @param heads in the order of the model
 * @see "docs/lens/facts.md"
 */
public record RecallAndContext(
    Estimate recalled, Estimate copied, Estimate difference, List<Head> heads) {
  /**
   * A head.
   *
   * @param name such as {@code L9.H6}
   * @param direct its direct contribution to the logit difference: positive for recall, negative
   *     for the context
   * @param total the loss of the logit difference without the head (zero ablation)
   */
  public record Head(String name, Estimate direct, Estimate total) {}

  /** A prompt with a context that contradicts a fact. */
  public static final class Conflict {
    private final int[] tokens;
    private final int answer;
    private final int stated;

    /**
     * Creates a prompt.
     *
     * @param tokens of the statement and the question
     * @param answer of the fact
     * @param stated the false answer
     * @throws InvalidInputException if the answers are equal
     */
    public Conflict(int[] tokens, int answer, int stated) {
      Preconditions.require(answer != stated, "answer", answer, "equals that of the context");
      this.tokens = tokens.clone();
      this.answer = answer;
      this.stated = stated;
    }

    /**
     * Returns a prompt of a statement and the question.
     *
     * @param prompt with {@value Fact#SUBJECT} for the subject
     * @throws InvalidInputException if both answers begin with the same token
     */
    public static Conflict of(
        Model model, String subject, String prompt, String answer, String stated) {
      String question = prompt.replace(Fact.SUBJECT, subject);
      String text = question + " " + stated.strip() + ". " + question;
      int[] tokens = model.tokenizer().encode(text);
      return new Conflict(
          tokens,
          Fact.answer(model, text, tokens, answer),
          Fact.answer(model, text, tokens, stated));
    }

    /** Returns the tokens of the statement and the question. */
    public int[] tokens() {
      return tokens.clone();
    }

    /** Returns the answer of the fact. */
    public int answer() {
      return answer;
    }

    /** Returns the false answer of the context. */
    public int stated() {
      return stated;
    }
  }

  public RecallAndContext {
    heads = List.copyOf(heads);
  }

  /** Returns the heads in descending order of their direct contribution: recall first. */
  public List<Head> ranked() {
    return heads.stream()
        .sorted(Comparator.comparingDouble((Head head) -> -head.direct.mean()))
        .toList();
  }

  /**
   * Measures all heads.
   *
   * @throws InvalidInputException if there is no prompt, or the model does not support its tokens
   */
  public static RecallAndContext of(Lens lens, List<Conflict> prompts) {
    Preconditions.require(!prompts.isEmpty(), "prompts", 0, "must be at least 1");
    HookMap hooks = HookMap.of(lens.model());
    List<String> names = new ArrayList<>();
    List<Intervention> ablations = new ArrayList<>();
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      for (int h = 0; h < hooks.heads(l); h++) {
        names.add("L" + l + ".H" + h);
        ablations.add(Intervention.zero(new HookPoint(HookSite.Z, l)).head(h));
      }
    }
    int n = prompts.size();
    var recalled = new double[n];
    var copied = new double[n];
    var difference = new double[n];
    var direct = new double[names.size()][n];
    var total = new double[names.size()][n];
    for (int i = 0; i < n; i++) {
      Conflict prompt = prompts.get(i);
      Map<String, Double> parts = new LinkedHashMap<>();
      DirectLogitAttribution.of(
              lens, prompt.tokens, prompt.tokens.length - 1, prompt.answer, prompt.stated, By.HEAD)
          .parts()
          .forEach(part -> parts.put(part.component(), part.value()));
      List<List<Intervention>> variants = new ArrayList<>();
      variants.add(List.of());
      ablations.forEach(ablation -> variants.add(List.of(ablation)));
      Metric metric = Metric.logitDifference(prompt.answer, prompt.stated);
      List<Double> values = Sweep.run(lens, prompt.tokens, List.of(), variants, metric);
      double likely = ((Metric) Vectors::argmax).of(lens, prompt.tokens);
      recalled[i] = likely == prompt.answer ? 1 : 0;
      copied[i] = likely == prompt.stated ? 1 : 0;
      difference[i] = values.getFirst();
      for (int h = 0; h < names.size(); h++) {
        direct[h][i] = parts.getOrDefault(names.get(h), 0.0);
        total[h][i] = values.getFirst() - values.get(h + 1);
      }
    }
    return new RecallAndContext(
        Estimate.of(recalled),
        Estimate.of(copied),
        Estimate.of(difference),
        IntStream.range(0, names.size())
            .mapToObj(h -> new Head(names.get(h), Estimate.of(direct[h]), Estimate.of(total[h])))
            .toList());
  }
}
