package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.UniversalNeurons;
import dev.vidrio.lens.detect.UniversalNeurons.Match;
import dev.vidrio.model.Model;
import dev.vidrio.server.command.LensCommands;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens universal}. */
@Command(
    name = "universal",
    description = {
      "Finds universal neurons: those of a layer that another model has too.",
      "For each neuron, the neuron of the other model with the highest correlation of"
          + " activations over the text. Both models must have the same tokens."
    })
@JsonHelp("Print JSON with the matches of all neurons of the layer.")
public final class UniversalCommand extends ModelCommand<UniversalNeurons> {
  /** The correlation above which Gurnee et al. call a neuron universal. */
  private static final double UNIVERSAL = 0.5;

  @Mixin private ChunksOption chunks = new ChunksOption();

  @Option(names = "--with", paramLabel = "MODEL", required = true, description = "The other model.")
  private String other = "";

  @Option(names = "--layer", paramLabel = "L", description = "The layer; -1 is the last.")
  private int layer = -1;

  @Option(names = "--top", paramLabel = "K", description = "Neurons to print; JSON has all.")
  private int top = 10;

  @Override
  protected UniversalNeurons run(Model opened) {
    int block = LayerNumber.of(opened, layer);
    try (LensCommands.OpenModel second = open(other)) {
      return UniversalNeurons.of(
          Lens.of(opened), Lens.of(second.model()), chunks.of(opened), block);
    }
  }

  @Override
  protected void print(UniversalNeurons found) {
    System.out.println("neuron     most similar   correlation of activations");
    List<Match> ranked = found.ranked();
    for (Match match : ranked.subList(0, Math.clamp(top, 0, ranked.size()))) {
      System.out.printf(
          "%-11s%-12s   %s%n",
          "L" + found.layer() + ".N" + match.neuron(),
          match.otherName(),
          Heat.cell("%6.3f".formatted(match.correlation()), match.correlation()));
    }
    System.out.printf(
        "layer %d: %d of %d neurons have one with a correlation above %.1f, over %d tokens%n",
        found.layer(),
        ranked.stream().filter(match -> match.correlation() > UNIVERSAL).count(),
        ranked.size(),
        UNIVERSAL,
        found.tokens());
  }

  @Override
  protected void fill(JsonObject object, UniversalNeurons found) {
    object.with("layer", found.layer()).with("tokens", found.tokens());
    object.put("neurons", found.matches().stream().map(UniversalCommand::toJson).toList());
  }

  private static JsonObject toJson(Match match) {
    return new JsonObject()
        .with("neuron", match.neuron())
        .with("other", match.otherName())
        .with("correlation", Json.finite(match.correlation()));
  }
}
