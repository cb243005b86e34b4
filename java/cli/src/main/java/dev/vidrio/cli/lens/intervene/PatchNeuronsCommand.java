package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PairsCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.intervene.NeuronPatching;
import dev.vidrio.lens.intervene.NeuronPatching.Neuron;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.View;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens patch-neurons}. */
@Command(
    name = "patch-neurons",
    description = {
      "Attribution patching of neurons: finds those that carry what two texts differ in.",
      "One line per neuron: the change of the logit difference of the answers, or of another"
          + " --metric, if the neuron has its values of the corrupted text: the estimate by"
          + " gradients, and the result of patching it."
    })
public final class PatchNeuronsCommand extends PairsCommand<PatchNeuronsCommand.Found> {
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();

  @Option(
      names = "--star",
      description =
          "AtP*: rank neurons by magnitudes under gradients that skip a layer each, which cannot"
              + " cancel (GradDrop). Costs a run forward and back per layer.")
  private boolean star;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Strongest neurons to patch and print; JSON has the estimates of all.")
  private int top = 20;

  /**
   * The estimates.
   *
   * @param strongest the strongest neurons
   * @param exact the changes after patching them
   */
  record Found(NeuronPatching patching, List<Neuron> strongest, List<Estimate> exact) {
    double estimate(Neuron neuron) {
      return patching.estimates().get(neuron.layer()).get(neuron.index());
    }

    double magnitude(Neuron neuron) {
      return patching.magnitudes().get(neuron.layer()).get(neuron.index());
    }
  }

  @Override
  protected void check() {
    super.check();
    if (top < 0) {
      throw new UsageException("--top " + top + ": must be 0 or more");
    }
  }

  @Override
  protected void requireMetric(MetricSpec spec) {
    spec.requireCleanGradient("patch-neurons");
  }

  @Override
  protected Found run(Lens exact, List<TextPair> pairs) {
    Lens lens = gradients.of(exact);
    try (var bar = new ProgressBar("gradients")) {
      NeuronPatching patching =
          NeuronPatching.of(lens, pairs, star, share -> bar.update(share, ""));
      List<Neuron> strongest = patching.strongest(top);
      return new Found(patching, strongest, NeuronPatching.exact(exact, pairs, strongest));
    }
  }

  private static int count(NeuronPatching patching) {
    return patching.estimates().stream().mapToInt(List::size).sum();
  }

  @Override
  protected void print(Found found) {
    NeuronPatching patching = found.patching;
    System.out.printf(
        "%s; %d neurons%n", runs(patching.clean(), patching.corrupted()), count(patching));
    boolean several = judged().size() > 1;
    System.out.println(
        (star ? "graddrop " : "") + "estimate  patched" + (several ? "   ±95 %" : "") + "  neuron");
    for (int i = 0; i < found.strongest.size(); i++) {
      Neuron neuron = found.strongest.get(i);
      Estimate exact = found.exact.get(i);
      System.out.println(
          (star ? "%8.3f ".formatted(found.magnitude(neuron)) : "")
              + "%+8.3f %+8.3f".formatted(found.estimate(neuron), exact.mean())
              + (several ? " %7.3f".formatted(exact.halfWidth()) : "")
              + "  "
              + neuron.name());
    }
    Hint.print("'vidrio lens weights --neuron L3.N17' reads a neuron's weights as words.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    fillRuns(object, found.patching.clean(), found.patching.corrupted());
    object.put("pairs", judged().size());
    object.put("star", star);
    List<JsonObject> strongest = new ArrayList<>();
    for (int i = 0; i < found.strongest.size(); i++) {
      Neuron neuron = found.strongest.get(i);
      Estimate exact = found.exact.get(i);
      strongest.add(
          new JsonObject()
              .with("neuron", neuron.name())
              .with("magnitude", found.magnitude(neuron))
              .with("estimate", found.estimate(neuron))
              .with("patched", exact.mean())
              .with("half_width", Json.finite(exact.halfWidth())));
    }
    object.put("strongest", strongest);
    object.put("estimates", found.patching.estimates());
    object.put("magnitudes", found.patching.magnitudes());
  }

  @Override
  protected List<? extends View> views(Found found) {
    List<Bars.Bar> bars = new ArrayList<>();
    for (int i = 0; i < found.strongest.size(); i++) {
      bars.add(new Bars.Bar(found.strongest.get(i).name(), found.exact.get(i).mean()));
    }
    String note =
        "The change of the "
            + label()
            + " if a neuron has its values of the corrupted text, of the "
            + bars.size()
            + " strongest neurons.";
    return List.of(new Bars("Neurons", note, bars));
  }
}
