package dev.vidrio.cli.lens.sae;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vidrio lens sae}. */
@Command(
    name = "sae",
    description = {
      "Sparse autoencoders and transcoders: an activation as a sum of few of many directions.",
      "Files are those of SAELens."
    },
    subcommands = {
      FeaturesCommand.class,
      EvaluateCommand.class,
      SteerCommand.class,
      TrainCommand.class
    })
public final class SaeCommand implements Runnable {
  @Spec private CommandSpec command = CommandSpec.create();

  SaeCommand() {}

  @Override
  public void run() {
    CommandLine self = command.commandLine();
    throw new ParameterException(self, "sae needs one of " + self.getSubcommands().keySet());
  }
}
