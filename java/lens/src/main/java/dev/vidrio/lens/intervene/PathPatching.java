package dev.vidrio.lens.intervene;

import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.plan.HookMap;
import dev.vidrio.lens.plan.Inputs;
import dev.vidrio.model.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Path patching (Wang et al. 2023, arXiv 2211.00593; Goldowsky-Dill et al. 2023, arXiv 2304.05969):
 * a head's direct effect on a receiver. The clean run takes the head's output from the corrupted
 * one, while every attention output in between keeps its clean value, so only the stream and
 * feed-forward blocks carry the change to the receiver.
 *
 * @param clean logit difference of the clean run
 * @param corrupted logit difference of the corrupted run
 * @param scores [layers][heads] of senders, as in {@link ActivationPatching}: 1 if nothing reaches
 *     the receiver, 0 if the difference becomes that of the corrupted run
 */
public record PathPatching(double clean, double corrupted, List<List<Double>> scores) {
  /** A head: of keys and values, where those are received. */
  public record Head(int layer, int head) {}

  public PathPatching {
    scores = scores.stream().map(List::copyOf).toList();
  }

  /**
   * Every head's direct effect on the logits.
   *
   * @param clean tokens of the text that has the answer
   * @param corrupted as many tokens of one that has it not
   * @throws InvalidInputException as {@link ActivationPatching#of} does
   */
  public static PathPatching toLogits(
      Lens lens, int[] clean, int[] corrupted, int answer, int wrong) {
    try (var pair = new Pair(lens, clean, corrupted, answer, wrong)) {
      return pair.patch(pair::direct);
    }
  }

  /**
   * Every head's effect on the logits by what some heads read.
   *
   * @param input {@link HookSite#Q}, {@link HookSite#K} or {@link HookSite#V}
   * @param receivers the heads that read it
   * @throws InvalidInputException also when the model has no such head
   */
  public static PathPatching toHeads(
      Lens lens,
      int[] clean,
      int[] corrupted,
      int answer,
      int wrong,
      HookSite input,
      List<Head> receivers) {
    if (input != HookSite.Q && input != HookSite.K && input != HookSite.V) {
      throw new InvalidInputException(
          "input of heads", input.suffix(), "must be hook_q, hook_k or hook_v");
    }
    if (receivers.isEmpty()) {
      throw new InvalidInputException("receivers", "", "must be one head or more");
    }
    List<ActivationCache> heard = new ArrayList<>();
    try (var pair = new Pair(lens, clean, corrupted, answer, wrong)) {
      receivers.forEach(receiver -> pair.require(receiver, input));
      return pair.patch(sender -> pair.received(sender, input, receivers, heard));
    } finally {
      heard.forEach(ActivationCache::close);
    }
  }

  /** How a sender changes the clean run. */
  @FunctionalInterface
  private interface Path {
    List<Edit> edits(Head sender);
  }

  /** Two runs, and what of them is needed. */
  private static final class Pair implements AutoCloseable {
    final Lens lens;
    final int[] clean;
    final int[] corrupted;
    final Metric metric;
    final int layers;
    final ActivationCache fixed;
    final ActivationCache sent;

    Pair(Lens lens, int[] clean, int[] corrupted, int answer, int wrong) {
      Inputs.requirePair(lens.model(), clean, corrupted, answer, wrong);
      this.lens = lens;
      this.clean = clean;
      this.corrupted = corrupted;
      this.metric = Metric.logitDifference(answer, wrong);
      this.layers = lens.model().architecture().layers();
      this.fixed = lens.run(clean, Capture.of("blocks.*." + HookSite.ATTN_OUT.suffix()));
      try {
        this.sent = lens.run(corrupted, Capture.of("blocks.*." + HookSite.Z.suffix()));
      } catch (Throwable e) {
        fixed.close();
        throw e;
      }
    }

    /** Heads of keys and values that a layer makes. */
    int kvHeads(int layer) {
      HookMap hooks = HookMap.of(lens.model());
      return hooks.keysOf(layer) == layer ? hooks.kvHeads(layer) : 0;
    }

    int heads(int layer) {
      return sent.get(HookSite.Z, layer).shape().get(1);
    }

    /** Checks that the model has a head, of keys and values where those are received. */
    void require(Head head, HookSite input) {
      boolean hasLayer = head.layer >= 0 && head.layer < layers;
      int count = !hasLayer ? 0 : input == HookSite.Q ? heads(head.layer) : kvHeads(head.layer);
      if (head.head < 0 || head.head >= count) {
        throw new InvalidInputException(
            "receiver",
            "layer " + head.layer + ", head " + head.head,
            hasLayer
                ? count == 0
                    ? "the layer has no keys and values of its own"
                    : "the layer has heads 0 to " + (count - 1)
                : "the model has layers 0 to " + (layers - 1));
      }
    }

    List<Edit> direct(Head sender) {
      List<Edit> edits = new ArrayList<>();
      HookPoint z = new HookPoint(HookSite.Z, sender.layer);
      edits.add(Edit.patch(sent, z).head(sender.head));
      for (int l = sender.layer + 1; l < layers; l++) {
        edits.add(Edit.patch(fixed, new HookPoint(HookSite.ATTN_OUT, l)));
      }
      return edits;
    }

    /** What receivers then read, in a run where nothing else is changed. */
    List<Edit> received(
        Head sender, HookSite input, List<Head> receivers, List<ActivationCache> heard) {
      List<Head> later = receivers.stream().filter(r -> r.layer > sender.layer).toList();
      if (later.isEmpty()) {
        return List.of();
      }
      List<String> names =
          later.stream().map(r -> new HookPoint(input, r.layer).name()).distinct().toList();
      heard.add(lens.run(clean, Capture.of(String.join(",", names)), direct(sender)));
      return later.stream()
          .map(r -> Edit.patch(heard.getLast(), new HookPoint(input, r.layer)).head(r.head))
          .toList();
    }

    PathPatching patch(Path path) {
      List<Integer> ends = new ArrayList<>();
      List<List<Edit>> variants = new ArrayList<>();
      for (int l = 0; l < layers; l++) {
        for (int h = 0; h < heads(l); h++) {
          variants.add(path.edits(new Head(l, h)));
        }
        ends.add(variants.size());
      }
      variants.add(List.of());
      List<Double> values = Sweep.run(lens, clean, List.of(), variants, metric);
      double best = values.getLast();
      double worst = metric.of(lens, corrupted);
      ActivationPatching.requireDifferent(best, worst);
      List<List<Double>> scores =
          IntStream.range(0, layers)
              .mapToObj(
                  l ->
                      values.subList(l == 0 ? 0 : ends.get(l - 1), ends.get(l)).stream()
                          .map(value -> ActivationPatching.score(value, best, worst))
                          .toList())
              .toList();
      return new PathPatching(best, worst, scores);
    }

    @Override
    public void close() {
      fixed.close();
      sent.close();
    }
  }
}
