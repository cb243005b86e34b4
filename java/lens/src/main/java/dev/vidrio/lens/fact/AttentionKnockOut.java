package dev.vidrio.lens.fact;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Attention knock-out by windows of layers (Geva et al. 2023, arXiv 2304.14767, section 5): in
 * which layers does the last token read the subject? In a window of layers around each layer, the
 * last token may not attend to some of the tokens, and the relative change of the answer's
 * probability, {@code (P_blocked − P) / P}, is averaged over facts: −1 is a lost answer. Of another
 * metric, it is the change {@code m_blocked − m}.
 *
 * @param window number of layers of a window
 * @param metric probability of the answer, or the metric, without knock-out
 * @param changes by the tokens that the last one does not attend to, [layers]
 * @see Intervention#knockOut
 * @see "docs/lens/facts.md"
 */
public record AttentionKnockOut(int window, Estimate metric, Map<Blocked, List<Estimate>> changes) {
  /** The tokens that the last token of a prompt does not attend to. */
  public enum Blocked {
    /** The tokens of the subject. */
    SUBJECT,
    /** All other tokens before the last. */
    OTHERS,
    /** The last token itself. */
    LAST
  }

  public AttentionKnockOut {
    var copy = new EnumMap<Blocked, List<Estimate>>(Blocked.class);
    changes.forEach((blocked, layers) -> copy.put(blocked, List.copyOf(layers)));
    changes = Collections.unmodifiableMap(copy);
  }

  /**
   * Measures all windows.
   *
   * @param window number of layers, {@code window / 2} of them before the middle one; fewer at the
   *     ends of the model
   * @throws InvalidInputException if there is no fact, the last token of a prompt belongs to its
   *     subject, or a layer mixes tokens by other means than attention
   */
  public static AttentionKnockOut of(Lens lens, List<Fact> facts, int window) {
    return of(lens, facts, fact -> Metric.probability(fact.answer()), true, window);
  }

  /**
   * Measures all windows by any metric.
   *
   * @param metric returns that of a fact
   * @param relative true for changes relative to the metric without knock-out
   * @param window number of layers, as for probabilities
   * @throws InvalidInputException as for probabilities
   */
  public static AttentionKnockOut of(
      Lens lens, List<Fact> facts, Function<Fact, Metric> metric, boolean relative, int window) {
    Preconditions.require(!facts.isEmpty(), "facts", 0, "must be at least 1");
    Preconditions.requirePositive("window", window);
    Preconditions.requireAttention(lens.model(), "attention knock-out");
    int layers = lens.model().architecture().layers();
    var clean = new double[facts.size()];
    Map<Blocked, List<double[]>> changes = new EnumMap<>(Blocked.class);
    for (int i = 0; i < facts.size(); i++) {
      Fact fact = facts.get(i);
      Preconditions.require(
          fact.to() < fact.length(), "subject", fact.subject(), "must end before the last token");
      List<List<Intervention>> variants = new ArrayList<>();
      variants.add(List.of());
      for (Blocked blocked : Blocked.values()) {
        for (int l = 0; l < layers; l++) {
          variants.add(blocking(lens, fact, blocked, l, window));
        }
      }
      List<Double> values = Sweep.run(lens, fact.tokens(), List.of(), variants, metric.apply(fact));
      clean[i] = values.getFirst();
      double before = clean[i];
      double unit = relative ? before : 1;
      int begin = 1;
      for (Blocked blocked : Blocked.values()) {
        int first = begin;
        begin += layers;
        // A prompt may have no other tokens.
        if (!ranges(fact, blocked).isEmpty()) {
          changes
              .computeIfAbsent(blocked, ignored -> new ArrayList<>())
              .add(
                  IntStream.range(0, layers)
                      .mapToDouble(l -> (values.get(first + l) - before) / unit)
                      .toArray());
        }
      }
    }
    Map<Blocked, List<Estimate>> means = new EnumMap<>(Blocked.class);
    changes.forEach((blocked, rows) -> means.put(blocked, FactTracing.estimates(rows, layers)));
    return new AttentionKnockOut(window, Estimate.of(clean), means);
  }

  private static List<int[]> ranges(Fact fact, Blocked blocked) {
    int last = fact.length() - 1;
    List<int[]> all =
        switch (blocked) {
          case SUBJECT -> List.of(new int[] {fact.from(), fact.to()});
          case OTHERS -> List.of(new int[] {0, fact.from()}, new int[] {fact.to(), last});
          case LAST -> List.of(new int[] {last, last + 1});
        };
    return all.stream().filter(range -> range[0] < range[1]).toList();
  }

  private static List<Intervention> blocking(
      Lens lens, Fact fact, Blocked blocked, int layer, int window) {
    int first = Math.max(0, layer - window / 2);
    int end = Math.min(lens.model().architecture().layers(), layer - window / 2 + window);
    return IntStream.range(first, end)
        .filter(l -> lens.has(new HookPoint(HookSite.ATTN_SCORES, l)))
        .boxed()
        .flatMap(
            l ->
                ranges(fact, blocked).stream()
                    .map(
                        range ->
                            Intervention.knockOut(l, range[0], range[1])
                                .position(fact.length() - 1)))
        .toList();
  }
}
