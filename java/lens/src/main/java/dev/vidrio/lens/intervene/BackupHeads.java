package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.DirectLogitAttribution.Part;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Self-repair (McGrath et al. 2023, arXiv 2307.15771; Rushing and Nanda 2024, arXiv 2402.15390):
 * which later components take over when a head is ablated? The direct effect of the head is its
 * contribution to the logit difference; the total effect of its ablation is smaller if later
 * components compensate. Backup heads (Wang et al. 2023, arXiv 2211.00593) contribute more without
 * the head than with it.
 *
 * @param metric the logit difference of the answers
 * @param direct the head's direct effect: its direct logit attribution, minus that of the ablated
 *     head
 * @param total the head's total effect: the loss of the logit difference by its ablation
 * @param repair {@code direct − total}: what other components compensate
 * @param parts heads and feed-forward blocks of the later layers, in the order of the model
 * @see DirectLogitAttribution
 * @see ComponentAblation
 * @see "docs/lens/facts.md"
 */
public record BackupHeads(
    Estimate metric, Estimate direct, Estimate total, Estimate repair, List<Backup> parts) {
  /**
   * A later component.
   *
   * @param name such as {@code L9.H6} or {@code L9.mlp}
   * @param change its direct effect with the ablation, minus that without: positive for a backup
   * @param importance of a head: its total effect in a run with the ablation, minus that in a run
   *     without, where its own output is set to 0; NaN for other components
   */
  public record Backup(String name, Estimate change, Estimate importance) {}

  /** A text, its correct next token and another one. */
  public static final class Prompt {
    private final int[] tokens;
    private final int answer;
    private final int wrong;

    /**
     * Creates a prompt.
     *
     * @param tokens BOS is not added
     * @param answer the correct next token
     * @param wrong another token
     */
    public Prompt(int[] tokens, int answer, int wrong) {
      this.tokens = tokens.clone();
      this.answer = answer;
      this.wrong = wrong;
    }

    /** Returns the tokens of the text. */
    public int[] tokens() {
      return tokens.clone();
    }

    /** Returns the correct next token. */
    public int answer() {
      return answer;
    }

    /** Returns the other token. */
    public int wrong() {
      return wrong;
    }
  }

  public BackupHeads {
    parts = List.copyOf(parts);
  }

  /** Returns the ablation of a head in a prompt. */
  @FunctionalInterface
  private interface Ablating {
    /**
     * Returns the replacement of the head's activation, for all heads of its layer.
     *
     * @param prompt its number
     * @param point {@code hook_z} of the head's layer
     */
    Intervention of(int prompt, HookPoint point);
  }

  /**
   * Ablates a head by zeros.
   *
   * @throws InvalidInputException if there is no prompt, or the model does not have the head
   */
  public static BackupHeads zero(Lens lens, List<Prompt> prompts, int layer, int head) {
    return of(lens, prompts, layer, head, (prompt, point) -> Intervention.zero(point));
  }

  /**
   * Ablates a head by its activation in other texts (resample ablation).
   *
   * @param texts a text for each prompt, with as many tokens
   * @throws InvalidInputException also if a text differs in length from its prompt
   */
  public static BackupHeads resample(
      Lens lens, List<Prompt> prompts, List<int[]> texts, int layer, int head) {
    Preconditions.require(
        texts.size() == prompts.size(), "texts", texts.size(), "must be " + prompts.size());
    List<ActivationCache> caches = new ArrayList<>();
    try {
      for (int i = 0; i < texts.size(); i++) {
        Preconditions.requireEqualLength(prompts.get(i).tokens, texts.get(i));
        String hook = new HookPoint(HookSite.Z, layer).name();
        caches.add(lens.run(texts.get(i), Capture.of(hook)));
      }
      return of(
          lens,
          prompts,
          layer,
          head,
          (prompt, point) -> Intervention.patch(caches.get(prompt), point));
    } finally {
      caches.forEach(ActivationCache::close);
    }
  }

  private static BackupHeads of(
      Lens lens, List<Prompt> prompts, int layer, int head, Ablating ablation) {
    Preconditions.require(!prompts.isEmpty(), "prompts", 0, "must be at least 1");
    HookMap hooks = HookMap.of(lens.model());
    int layers = lens.model().architecture().layers();
    Preconditions.requireRange("layer", layer, 0, layers - 1);
    Preconditions.require(hooks.heads(layer) > 0, "layer", layer, "has no attention heads");
    Preconditions.requireRange("head", head, 0, hooks.heads(layer) - 1);
    String name = "L" + layer + ".H" + head;
    HookPoint point = new HookPoint(HookSite.Z, layer);
    var metric = new double[prompts.size()];
    var direct = new double[prompts.size()];
    var total = new double[prompts.size()];
    var repair = new double[prompts.size()];
    Map<String, double[]> changes = new LinkedHashMap<>();
    Map<String, double[]> importances = new LinkedHashMap<>();
    for (int i = 0; i < prompts.size(); i++) {
      Prompt prompt = prompts.get(i);
      Intervention without = ablation.of(i, point).head(head);
      Map<String, Double> before = parts(lens, prompt, List.of());
      Map<String, Double> after = parts(lens, prompt, List.of(without));
      int number = i;
      after.forEach(
          (part, value) -> {
            if (layer(part) > layer) {
              changes.computeIfAbsent(part, ignored -> new double[prompts.size()])[number] =
                  value - Objects.requireNonNull(before.get(part));
            }
          });
      List<List<Intervention>> variants = new ArrayList<>(List.of(List.of(), List.of(without)));
      List<String> heads = new ArrayList<>();
      for (int l = layer + 1; l < layers; l++) {
        for (int h = 0; h < hooks.heads(l); h++) {
          Intervention other = Intervention.zero(new HookPoint(HookSite.Z, l)).head(h);
          heads.add("L" + l + ".H" + h);
          variants.add(List.of(other));
          variants.add(List.of(without, other));
        }
      }
      List<Double> values =
          Sweep.run(
              lens,
              prompt.tokens,
              List.of(),
              variants,
              Metric.logitDifference(prompt.answer, prompt.wrong));
      metric[i] = values.getFirst();
      direct[i] =
          Objects.requireNonNull(before.get(name)) - Objects.requireNonNull(after.get(name));
      total[i] = values.get(0) - values.get(1);
      repair[i] = direct[i] - total[i];
      for (int h = 0; h < heads.size(); h++) {
        double effect = values.get(0) - values.get(2 + 2 * h);
        double withAblation = values.get(1) - values.get(3 + 2 * h);
        importances.computeIfAbsent(heads.get(h), ignored -> new double[prompts.size()])[i] =
            withAblation - effect;
      }
    }
    List<Backup> parts = new ArrayList<>();
    changes.forEach(
        (part, values) -> {
          double[] importance = importances.get(part);
          parts.add(
              new Backup(
                  part,
                  Estimate.of(values),
                  importance == null
                      ? new Estimate(Double.NaN, Double.NaN, 0)
                      : Estimate.of(importance)));
        });
    return new BackupHeads(
        Estimate.of(metric), Estimate.of(direct), Estimate.of(total), Estimate.of(repair), parts);
  }

  /** Returns the direct effect of each component on the logit difference. */
  private static Map<String, Double> parts(Lens lens, Prompt prompt, List<Intervention> edits) {
    int last = prompt.tokens.length - 1;
    DirectLogitAttribution dla =
        DirectLogitAttribution.of(
            lens, prompt.tokens, last, prompt.answer, prompt.wrong, By.HEAD, edits);
    Map<String, Double> parts = new LinkedHashMap<>();
    for (Part part : dla.parts()) {
      parts.put(part.component(), part.value());
    }
    return parts;
  }

  /** Returns the layer of a component, or −1 for one outside of layers. */
  private static int layer(String component) {
    int dot = component.indexOf('.');
    return component.startsWith("L") && dot > 0
        ? Integer.parseInt(component.substring(1, dot))
        : -1;
  }
}
