package dev.vidrio.lens.inspect;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.DoubleConsumer;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Direct logit attribution over a data set: the mean contribution of each component to the logits
 * of the texts' answers, with 95 % intervals. As in {@link DirectLogitAttribution}, the divisor of
 * the final norm is that of each run.
 *
 * @param logit the logit of the model, or the difference
 * @param parts in the order of the model
 * @param capped whether the model soft-caps its logits; the parts are then those of the logits
 *     before the cap
 * @see "docs/lens/attribution.md"
 */
public record MeanLogitAttribution(Estimate logit, List<Part> parts, boolean capped) {
  /**
   * The mean contribution of a component.
   *
   * @param component a name such as {@code embed}, {@code L3.attn}, {@code L3.H7}, {@code L3.mlp}
   */
  public record Part(String component, Estimate value) {}

  /** The parts of a text, and the logit of the model. */
  private record Attributed(List<DirectLogitAttribution.Part> parts, double logit) {}

  public MeanLogitAttribution {
    parts = List.copyOf(parts);
  }

  /** Returns the number of texts. */
  public int texts() {
    return logit.count();
  }

  /** Returns the sum of the means of the parts. */
  public double sum() {
    return parts.stream().mapToDouble(part -> part.value.mean()).sum();
  }

  /** Returns the parts in descending order of the magnitude of their means. */
  public List<Part> ranked() {
    return parts.stream()
        .sorted(Comparator.comparingDouble((Part part) -> -Math.abs(part.value.mean())))
        .toList();
  }

  /**
   * Attributes the logits after the last token of each text.
   *
   * @param texts tokens
   * @param targets the answers of each text: {@link MetricKind#LOGIT_DIFF}, or {@link
   *     MetricKind#LOGIT}; of sets, the means
   * @param by components that all texts have: {@link By#PATH} needs texts of one length
   * @param progress receives the share of texts that are done, 0 to 1
   * @throws InvalidInputException if there are no texts, they have different components, or parts
   *     are tokens
   */
  public static MeanLogitAttribution of(
      Lens lens,
      List<int[]> texts,
      List<MetricSpec.Bound> targets,
      By by,
      DoubleConsumer progress) {
    Preconditions.require(!texts.isEmpty(), "texts", "", "must be at least 1");
    Preconditions.require(by != By.TOKEN, "parts", "token", "are not those of several texts");
    List<Attributed> all = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      int[] text = texts.get(i);
      MetricSpec.Bound target = targets.get(i);
      boolean linear = target.kind() == MetricKind.LOGIT_DIFF || target.kind() == MetricKind.LOGIT;
      Preconditions.require(
          linear, "metric", target.kind().key(), "must be logit-diff or logit, a sum of parts");
      Preconditions.requireTokens(lens.model(), text);
      LogitDirection readout = LogitDirection.ofMean(lens, target.answers(), target.wrong());
      all.add(
          DirectLogitAttribution.attribute(
              lens,
              text,
              text.length - 1,
              readout,
              by,
              List.of(),
              (parts, logits) ->
                  new Attributed(
                      parts, mean(target.answers(), logits) - mean(target.wrong(), logits))));
      progress.accept((i + 1.0) / texts.size());
    }
    List<String> names = names(all.getFirst());
    for (Attributed one : all) {
      Preconditions.require(
          names(one).equals(names), "parts", "", "differ between texts, which need one length");
    }
    List<Part> parts =
        IntStream.range(0, names.size())
            .mapToObj(
                p ->
                    new Part(
                        names.get(p),
                        Estimate.of(
                            all.stream().mapToDouble(one -> one.parts.get(p).value()).toArray())))
            .toList();
    return new MeanLogitAttribution(
        Estimate.of(all.stream().mapToDouble(Attributed::logit).toArray()),
        parts,
        LogitDirection.isCapped(lens.model()));
  }

  private static double mean(List<Integer> tokens, IntToDoubleFunction logits) {
    return tokens.stream().mapToInt(token -> token).mapToDouble(logits).average().orElse(0);
  }

  private static List<String> names(Attributed one) {
    return one.parts.stream().map(DirectLogitAttribution.Part::component).toList();
  }
}
