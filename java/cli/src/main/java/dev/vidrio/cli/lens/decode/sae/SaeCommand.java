package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.option.CommandGroup;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code vidrio lens sae}. */
@Command(
    name = "sae",
    description = {
      "Sparse autoencoders and transcoders: write an activation as a sum of few"
          + " out of many directions.",
      "Files are those of SAELens."
    })
public final class SaeCommand implements Runnable, CommandGroup {
  @Spec private CommandSpec command = CommandSpec.create();

  @Override
  public List<Class<?>> commands() {
    return List.of(
        FeaturesCommand.class, EvaluateCommand.class, SteerCommand.class, TrainCommand.class);
  }

  @Override
  public void run() {
    throw CommandGroup.missing(command);
  }
}
