package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.TextChunks;
import dev.vidrio.lens.detect.NeuronDetection;
import dev.vidrio.lens.detect.NeuronScores;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens neurons}. */
@Command(
    name = "neurons",
    description = {
      "Finds entropy, token-frequency and dead neurons of a layer.",
      "Entropy neurons have a large output norm but change all logits alike."
          + " Token-frequency neurons raise or lower the logits of frequent tokens. Dead"
          + " neurons are never active in the text."
    })
public final class NeuronsCommand implements Callable<Integer> {
  /** Tokens per run. */
  private static final int CHUNK = 512;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = "--layer",
      paramLabel = "L",
      description = "The layer; -1 is the last. Default: ${DEFAULT-VALUE}.")
  private int layer = -1;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Neurons of each kind to print; JSON has all. Default: ${DEFAULT-VALUE}.")
  private int top = 8;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() {
    try (Model opened = model.open()) {
      int block = LayerNumber.of(opened, layer);
      int length = Math.min(CHUNK, opened.architecture().contextLength());
      List<int[]> texts = TextChunks.of(opened, input.requiredIds(opened), length);
      NeuronDetection detection = NeuronDetection.of(Lens.of(opened), texts, block, block + 1);
      if (json) {
        Json.print(contents(opened, block, detection));
      } else {
        print(block, detection);
      }
    }
    return 0;
  }

  private void print(int block, NeuronDetection detection) {
    List<List<NeuronScores>> columns = new ArrayList<>();
    System.out.println(
        "largest norm for its logit variance     largest correlation with token frequency");
    System.out.println("neuron       norm  logit variance   neuron       correlation");
    columns.add(detection.ranked(NeuronScores::entropy));
    columns.add(detection.ranked(absolute(NeuronScores::frequency)));
    for (int i = 0; i < Math.clamp(top, 0, detection.neurons().size()); i++) {
      NeuronScores entropy = columns.getFirst().get(i);
      NeuronScores frequency = columns.getLast().get(i);
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
        block,
        detection.neurons().size(),
        detection.neurons().stream().filter(NeuronScores::dead).count(),
        detection.tokens(),
        100 * median(detection));
  }

  private static double median(NeuronDetection detection) {
    double[] sorted =
        detection.neurons().stream().mapToDouble(NeuronScores::active).sorted().toArray();
    return sorted[sorted.length / 2];
  }

  private static ToDoubleFunction<NeuronScores> absolute(ToDoubleFunction<NeuronScores> score) {
    return neuron -> {
      double value = score.applyAsDouble(neuron);
      return Double.isNaN(value) ? Double.NEGATIVE_INFINITY : Math.abs(value);
    };
  }

  private static Map<String, Object> contents(Model opened, int block, NeuronDetection detection) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("layer", block);
    result.put("tokens", detection.tokens());
    result.put("neurons", detection.neurons().stream().map(NeuronsCommand::contents).toList());
    return result;
  }

  private static Map<String, @Nullable Object> contents(NeuronScores neuron) {
    Map<String, @Nullable Object> result = new LinkedHashMap<>();
    result.put("neuron", neuron.neuron());
    result.put("norm", neuron.norm());
    result.put("logit_variance", Json.finite(neuron.logitVariance()));
    result.put("frequency_correlation", Json.finite(neuron.frequency()));
    result.put("active", neuron.active());
    result.put("dead", neuron.dead());
    return result;
  }
}
