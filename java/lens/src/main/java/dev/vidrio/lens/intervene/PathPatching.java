package dev.vidrio.lens.intervene;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.ActivationPatching.PatchedPair;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Path patching (Wang et al. 2023, arXiv 2211.00593; Goldowsky-Dill et al. 2023, arXiv 2304.05969):
 * the direct effect of a sender, a head or a feed-forward block, on a receiver. The clean run takes
 * the sender's output from the corrupted one, while every attention output in between keeps its
 * clean value, so that only the residual stream and feed-forward blocks carry the change to the
 * receiver. With several pairs of texts, metrics are means.
 *
 * @param clean metric of the clean run
 * @param corrupted metric of the corrupted run
 * @param scores [layers][heads] of senders, or [layers][1] of feed-forward blocks, as in {@link
 *     ActivationPatching}: 1 if nothing reaches the receiver, 0 if the metric becomes that of the
 *     corrupted run
 * @param halfWidths half the widths of the scores' 95 % intervals; NaN for a single pair
 * @see "docs/lens/interventions.md"
 */
public record PathPatching(
    double clean, double corrupted, List<List<Double>> scores, List<List<Double>> halfWidths) {
  /** The components with patched outputs. */
  public enum Sender {
    /** Each head. */
    HEAD,
    /** The feed-forward block of each layer. */
    MLP;

    private HookSite site() {
      return this == HEAD ? HookSite.Z : HookSite.MLP_OUT;
    }
  }

  /** A query head, or a key-value head as a receiver of keys or values. */
  public record Head(int layer, int head) {}

  public PathPatching {
    scores = scores.stream().map(List::copyOf).toList();
    halfWidths = halfWidths.stream().map(List::copyOf).toList();
  }

  /**
   * Measures every head's direct effect on the logits.
   *
   * @throws InvalidInputException as {@link ActivationPatching} does
   */
  public static PathPatching toLogits(Lens lens, List<TextPair> pairs) {
    return toLogits(lens, pairs, Sender.HEAD);
  }

  /**
   * Measures every sender's direct effect on the logits.
   *
   * @throws InvalidInputException as {@link ActivationPatching} does
   */
  public static PathPatching toLogits(Lens lens, List<TextPair> pairs, Sender sender) {
    return mean(lens, pairs, sender, runs -> runs.patch(runs::direct));
  }

  /**
   * Measures every head's effect on the logits through the inputs of receiver heads.
   *
   * @throws InvalidInputException as {@link #toHeads(Lens, List, Sender, HookSite, List)} does
   */
  public static PathPatching toHeads(
      Lens lens, List<TextPair> pairs, HookSite input, List<Head> receivers) {
    return toHeads(lens, pairs, Sender.HEAD, input, receivers);
  }

  /**
   * Measures every sender's effect on the logits through the inputs of receiver heads.
   *
   * @param input {@link HookSite#Q}, {@link HookSite#K} or {@link HookSite#V}
   * @param receivers the heads with this input
   * @throws InvalidInputException also if the model does not have a head
   */
  public static PathPatching toHeads(
      Lens lens, List<TextPair> pairs, Sender from, HookSite input, List<Head> receivers) {
    AtpStar.requireHeadInput(input);
    Preconditions.require(!receivers.isEmpty(), "receivers", "", "must be at least 1 head");
    return mean(
        lens,
        pairs,
        from,
        runs -> {
          receivers.forEach(receiver -> runs.require(receiver, input));
          List<ActivationCache> heard = new ArrayList<>();
          try {
            return runs.patch((layer, head) -> runs.received(layer, head, input, receivers, heard));
          } finally {
            heard.forEach(ActivationCache::close);
          }
        });
  }

  /** Metrics of a pair: of each sender's path, by layer, then of the two runs. */
  private record Metrics(List<List<Double>> paths, double clean, double corrupted) {}

  /** Returns the scores of mean metrics over pairs. */
  private static PathPatching mean(
      Lens lens, List<TextPair> pairs, Sender sender, Function<Runs, Metrics> patching) {
    TextPair.requireFit(lens.model(), pairs);
    Preconditions.requireAttention(lens.model(), "path patching");
    Preconditions.requireOneStream(lens.model(), "path patching");
    List<Metrics> found = new ArrayList<>();
    for (TextPair pair : pairs) {
      try (var runs = new Runs(lens, pair, sender)) {
        found.add(patching.apply(runs));
      }
    }
    double clean = mean(found, Metrics::clean);
    double corrupted = mean(found, Metrics::corrupted);
    ActivationPatching.requireDifferent(clean, corrupted);
    List<PatchedPair> runs =
        found.stream().map(m -> new PatchedPair(List.of(), m.clean, m.corrupted)).toList();
    List<List<List<Double>>> paths = found.stream().map(Metrics::paths).toList();
    return new PathPatching(
        clean,
        corrupted,
        PatchGrid.cellwise(
            paths, values -> ActivationPatching.score(PatchGrid.mean(values), clean, corrupted)),
        PatchGrid.cellwise(paths, values -> halfWidth(runs, values, clean, corrupted)));
  }

  private static double halfWidth(
      List<PatchedPair> runs, List<Double> values, double clean, double corrupted) {
    double score = ActivationPatching.score(PatchGrid.mean(values), clean, corrupted);
    Iterator<Double> value = values.iterator();
    return ActivationPatching.halfWidth(runs, ignored -> value.next(), true, score);
  }

  private static double mean(List<Metrics> found, ToDoubleFunction<Metrics> value) {
    return found.stream().mapToDouble(value).sum() / found.size();
  }

  /** Returns the interventions of a sender on the clean run. */
  @FunctionalInterface
  private interface Path {
    List<Intervention> edits(int layer, int head);
  }

  /** The two runs of a pair, with the activations that are needed. */
  private static final class Runs implements AutoCloseable {
    final Lens lens;
    final TextPair pair;
    final Sender sender;
    final int layers;
    final ActivationCache fixed;
    final ActivationCache sent;

    Runs(Lens lens, TextPair pair, Sender sender) {
      this.lens = lens;
      this.pair = pair;
      this.sender = sender;
      this.layers = lens.model().architecture().layers();
      this.fixed = lens.run(pair.clean(), Capture.of("blocks.*." + HookSite.ATTN_OUT.suffix()));
      try {
        this.sent = lens.run(pair.corrupted(), Capture.of("blocks.*." + sender.site().suffix()));
      } catch (Throwable e) {
        fixed.close();
        throw e;
      }
    }

    /** Returns the number of a layer's own key-value heads. */
    int kvHeads(int layer) {
      HookMap hooks = HookMap.of(lens.model());
      return hooks.keysOf(layer) == layer ? hooks.kvHeads(layer) : 0;
    }

    int heads(int layer) {
      return HookMap.of(lens.model()).heads(layer);
    }

    /** Returns the number of a layer's senders. */
    int senders(int layer) {
      return sender == Sender.HEAD ? heads(layer) : 1;
    }

    /** Checks that the model has a head, or a key-value head if keys or values are received. */
    void require(Head head, HookSite input) {
      boolean hasLayer = head.layer >= 0 && head.layer < layers;
      int count = !hasLayer ? 0 : input == HookSite.Q ? heads(head.layer) : kvHeads(head.layer);
      String limit =
          !hasLayer
              ? "the model has layers 0 to " + (layers - 1)
              : count == 0
                  ? "the layer has no keys and values of its own"
                  : "the layer has heads 0 to " + (count - 1);
      String value = "layer " + head.layer + ", head " + head.head;
      Preconditions.require(head.head >= 0 && head.head < count, "receiver", value, limit);
    }

    /**
     * Returns the interventions that send the output of a component directly.
     *
     * @param layer of the sender
     * @param head of the sender; 0 for a feed-forward block
     */
    List<Intervention> direct(int layer, int head) {
      List<Intervention> edits = new ArrayList<>();
      Intervention patch = Intervention.patch(sent, new HookPoint(sender.site(), layer));
      edits.add(sender == Sender.HEAD ? patch.head(head) : patch);
      for (int l = layer + 1; l < layers; l++) {
        edits.add(Intervention.patch(fixed, new HookPoint(HookSite.ATTN_OUT, l)));
      }
      return edits;
    }

    /** Returns the receivers' inputs in a run where only the sender's output is changed. */
    List<Intervention> received(
        int layer, int head, HookSite input, List<Head> receivers, List<ActivationCache> heard) {
      List<Head> later = receivers.stream().filter(r -> r.layer > layer).toList();
      if (later.isEmpty()) {
        return List.of();
      }
      List<String> names =
          later.stream().map(r -> new HookPoint(input, r.layer).name()).distinct().toList();
      heard.add(lens.run(pair.clean(), Capture.of(String.join(",", names)), direct(layer, head)));
      return later.stream()
          .map(r -> Intervention.patch(heard.getLast(), new HookPoint(input, r.layer)).head(r.head))
          .toList();
    }

    Metrics patch(Path path) {
      List<List<List<Intervention>>> variants =
          IntStream.range(0, layers)
              .mapToObj(
                  l -> IntStream.range(0, senders(l)).mapToObj(h -> path.edits(l, h)).toList())
              .toList();
      List<List<Intervention>> all = new ArrayList<>();
      variants.forEach(all::addAll);
      all.add(List.of());
      List<Double> values = Sweep.run(lens, pair.clean(), List.of(), all, pair.forwardMetric());
      List<List<Double>> byLayer = new ArrayList<>();
      int begin = 0;
      for (List<List<Intervention>> layer : variants) {
        byLayer.add(values.subList(begin, begin + layer.size()));
        begin += layer.size();
      }
      double corrupted = pair.forwardMetric().of(lens, pair.corrupted());
      return new Metrics(byLayer, values.getLast(), corrupted);
    }

    @Override
    public void close() {
      fixed.close();
      sent.close();
    }
  }
}
