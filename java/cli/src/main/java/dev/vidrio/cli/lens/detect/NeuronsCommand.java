package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.detect.NeuronDetection;
import dev.vidrio.lens.detect.NeuronScores;
import dev.vidrio.model.Model;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens neurons}. */
@Command(
    name = "neurons",
    description = {
      "Finds entropy, token-frequency and dead neurons of a layer.",
      "Entropy neurons have a large output norm but change all logits alike. Token-frequency"
          + " neurons raise or lower the logits of frequent tokens. Dead neurons are never active"
          + " in the text."
    })
public final class NeuronsCommand extends ModelCommand<NeuronsCommand.Found> {
  /** Tokens per run. */
  private static final int CHUNK = 512;

  @Mixin private TextInput input = new TextInput();

  @Option(names = "--layer", paramLabel = "L", description = "The layer; -1 is the last.")
  private int layer = -1;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Neurons of each kind to print; JSON has all.")
  private int top = 8;

  /** The neurons of a layer. */
  record Found(int layer, NeuronDetection detection) {}

  @Override
  protected Found run(Model opened) {
    int block = LayerNumber.of(opened, layer);
    int length = Math.min(CHUNK, opened.architecture().contextLength());
    List<int[]> texts = TextChunks.of(opened, input.requiredIds(opened), length);
    return new Found(block, NeuronDetection.of(Lens.of(opened), texts, block, block + 1));
  }

  @Override
  protected void print(Found found) {
    NeuronDetection detection = found.detection;
    System.out.println(
        "largest norm for its logit variance     largest correlation with token frequency");
    System.out.println("neuron       norm  logit variance   neuron       correlation");
    List<NeuronScores> byEntropy = detection.ranked(NeuronScores::entropy);
    List<NeuronScores> byFrequency = detection.ranked(NeuronsCommand::correlation);
    for (int i = 0; i < Math.clamp(top, 0, detection.neurons().size()); i++) {
      NeuronScores entropy = byEntropy.get(i);
      NeuronScores frequency = byFrequency.get(i);
      System.out.printf(
          "%-10s %6.2f %15.7f   %-10s %14.3f%n",
          entropy.name(),
          entropy.norm(),
          entropy.logitVariance(),
          frequency.name(),
          frequency.frequency());
    }
    System.out.printf(
        "layer %d: %d neurons, %d dead over %d tokens; the median neuron is active at %.1f %%%n",
        found.layer,
        detection.neurons().size(),
        detection.neurons().stream().filter(NeuronScores::dead).count(),
        detection.tokens(),
        100 * median(detection));
  }

  /** Returns the magnitude of the correlation with token frequency; an undefined one is last. */
  private static double correlation(NeuronScores neuron) {
    double value = neuron.frequency();
    return Double.isNaN(value) ? Double.NEGATIVE_INFINITY : Math.abs(value);
  }

  private static double median(NeuronDetection detection) {
    double[] sorted =
        detection.neurons().stream().mapToDouble(NeuronScores::active).sorted().toArray();
    return sorted[sorted.length / 2];
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.with("layer", found.layer).with("tokens", found.detection.tokens());
    object.put("neurons", found.detection.neurons().stream().map(NeuronsCommand::toJson).toList());
  }

  private static JsonObject toJson(NeuronScores neuron) {
    return new JsonObject()
        .with("neuron", neuron.neuron())
        .with("norm", neuron.norm())
        .with("logit_variance", Json.finite(neuron.logitVariance()))
        .with("frequency_correlation", Json.finite(neuron.frequency()))
        .with("active", neuron.active())
        .with("dead", neuron.dead());
  }
}
