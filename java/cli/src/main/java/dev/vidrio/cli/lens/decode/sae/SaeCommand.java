package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.option.CommandGroup;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code vidrio lens sae}. */
@Command(
    name = "sae",
    description = {
      "Sparse autoencoders, transcoders and crosscoders: write an activation as a sum of few out of"
          + " many directions.",
      "Files are those of SAELens, sparsify, circuit-tracer and dictionary_learning."
    })
public final class SaeCommand implements CommandGroup.Namespace {

  @Override
  public List<Class<?>> commands() {
    return List.of(
        FeaturesCommand.class,
        IndexCommand.class,
        ExplainCommand.class,
        EvaluateCommand.class,
        NormsCommand.class,
        SteerCommand.class,
        TrainCommand.class,
        TrainCrossCommand.class);
  }
}
