package dev.vidrio.lens.fact;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Enrichment of the subject and extraction of the answer (Geva et al. 2023, arXiv 2304.14767,
 * sections 4 and 6), layer by layer.
 *
 * <p>The attribute rate is the share of a subject's attributes (the answers of all facts about it)
 * among the k most likely tokens that the residual stream of the subject's last token would
 * predict; the control is the rate of the attributes of the next subject, which this one does not
 * have. A sublayer extracts the answer if the answer is the most likely token that its output at
 * the last token would predict alone.
 *
 * @param top k
 * @param attributes [layers]: the attribute rate
 * @param control [layers]: the rate of attributes of another subject
 * @param attention [layers]: the share of facts for which attention extracts the answer
 * @param mlp [layers]: the share of facts for which the feed-forward block extracts the answer
 * @param extracted the share of facts for which any layer's attention extracts the answer
 * @param extractedByMlp the share of facts for which any feed-forward block extracts the answer
 * @see "docs/lens/facts.md"
 */
public record Extraction(
    int top,
    List<Estimate> attributes,
    List<Estimate> control,
    List<Estimate> attention,
    List<Estimate> mlp,
    Estimate extracted,
    Estimate extractedByMlp) {
  public Extraction {
    attributes = List.copyOf(attributes);
    control = List.copyOf(control);
    attention = List.copyOf(attention);
    mlp = List.copyOf(mlp);
  }

  /**
   * Measures both rates.
   *
   * @param top k, 50 in the paper
   * @throws InvalidInputException if there is no fact, or the model has several residual streams
   */
  public static Extraction of(Lens lens, List<Fact> facts, int top) {
    Preconditions.require(!facts.isEmpty(), "facts", 0, "must be at least 1");
    Preconditions.requireRange("top", top, 1, lens.model().architecture().vocabulary());
    Map<String, Set<Integer>> attributes = new LinkedHashMap<>();
    for (Fact fact : facts) {
      attributes
          .computeIfAbsent(fact.subject(), ignored -> new LinkedHashSet<>())
          .add(fact.answer());
    }
    List<String> subjects = List.copyOf(attributes.keySet());
    int layers = lens.model().architecture().layers();
    List<double[]> rates = new ArrayList<>();
    List<double[]> controls = new ArrayList<>();
    List<double[]> attention = new ArrayList<>();
    List<double[]> mlp = new ArrayList<>();
    try (Unembedding unembedding = Unembedding.of(lens.model())) {
      for (Fact fact : facts) {
        int next = (subjects.indexOf(fact.subject()) + 1) % subjects.size();
        Set<Integer> own = Objects.requireNonNull(attributes.get(fact.subject()));
        Set<Integer> others =
            new LinkedHashSet<>(Objects.requireNonNull(attributes.get(subjects.get(next))));
        others.removeAll(own);
        measure(lens, unembedding, fact, top, own, others, rates, controls);
        attention.add(extracts(lens, unembedding, fact, HookSite.ATTN_OUT));
        mlp.add(extracts(lens, unembedding, fact, HookSite.MLP_OUT));
      }
    }
    return new Extraction(
        top,
        FactTracing.estimates(rates, layers),
        FactTracing.estimates(controls, layers),
        FactTracing.estimates(attention, layers),
        FactTracing.estimates(mlp, layers),
        any(attention),
        any(mlp));
  }

  private static Estimate any(List<double[]> rows) {
    return Estimate.of(
        rows.stream().mapToDouble(row -> Arrays.stream(row).max().orElse(0)).toArray());
  }

  /** Adds the attribute rates of a fact's subject. */
  private static void measure(
      Lens lens,
      Unembedding unembedding,
      Fact fact,
      int top,
      Set<Integer> own,
      Set<Integer> others,
      List<double[]> rates,
      List<double[]> controls) {
    int layers = lens.model().architecture().layers();
    Capture capture =
        Capture.of("blocks.*." + HookSite.RESID_POST.suffix()).positions(fact.to() - 1, fact.to());
    var rows = new float[layers][];
    try (ActivationCache cache = lens.run(Arrays.copyOf(fact.tokens(), fact.to()), capture)) {
      Arrays.setAll(rows, l -> cache.get(HookSite.RESID_POST, l).row(0));
    }
    var rate = new double[layers];
    var control = new double[layers];
    unembedding.logits(
        rows,
        (l, logits) -> {
          int[] likely = Vectors.largest(logits.toArray(JAVA_FLOAT), top);
          rate[l] = share(likely, own);
          control[l] = share(likely, others);
        });
    rates.add(rate);
    if (!others.isEmpty()) {
      controls.add(control);
    }
  }

  private static double share(int[] tokens, Set<Integer> wanted) {
    long found = IntStream.of(tokens).filter(wanted::contains).count();
    return wanted.isEmpty() ? 0 : (double) found / wanted.size();
  }

  /** Returns 1 for each layer if its sublayer extracts the answer at the last token, else 0. */
  private static double[] extracts(Lens lens, Unembedding unembedding, Fact fact, HookSite site) {
    int layers = lens.model().architecture().layers();
    int[] with = IntStream.range(0, layers).filter(l -> lens.has(new HookPoint(site, l))).toArray();
    var extracts = new double[layers];
    if (with.length == 0) {
      return extracts;
    }
    int last = fact.length() - 1;
    var rows = new float[with.length][];
    Capture capture = Capture.of("blocks.*." + site.suffix()).positions(last, last + 1);
    try (ActivationCache cache = lens.run(fact.tokens(), capture)) {
      Arrays.setAll(rows, i -> cache.get(site, with[i]).row(0));
    }
    unembedding.logits(
        rows, (i, logits) -> extracts[with[i]] = Vectors.argmax(logits) == fact.answer() ? 1 : 0);
    return extracts;
  }
}
