package dev.vidrio.cli.lens;

import dev.vidrio.cli.lens.sae.SaeCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vidrio lens}. */
@Command(
    name = "lens",
    description = "Shows what happens inside a model.",
    subcommands = {
      HooksCommand.class,
      CacheCommand.class,
      LogitsCommand.class,
      TuneCommand.class,
      DlaCommand.class,
      AttributeCommand.class,
      ProbeCommand.class,
      SaeCommand.class,
      ScopeCommand.class,
      ExamplesCommand.class,
      WeightsCommand.class,
      PatchCommand.class,
      CircuitCommand.class,
      EdgesCommand.class,
      SteerCommand.class,
      AlignCommand.class,
      AttentionCommand.class,
      HeadsCommand.class,
      RetrievalCommand.class,
      NeuronsCommand.class,
      MixingCommand.class,
      OcclusionCommand.class,
      NormsCommand.class,
      StatisticsCommand.class,
      ResidualCommand.class
    })
public final class LensCommand implements Runnable {
  @Spec private CommandSpec command = CommandSpec.create();

  LensCommand() {}

  @Override
  public void run() {
    CommandLine self = command.commandLine();
    throw new ParameterException(self, "lens needs one of " + self.getSubcommands().keySet());
  }
}
