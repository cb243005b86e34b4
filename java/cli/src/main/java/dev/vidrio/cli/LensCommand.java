package dev.vidrio.cli;

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
      LensHooksCommand.class,
      LensCacheCommand.class,
      LensLogitsCommand.class,
      LensTuneCommand.class,
      LensDlaCommand.class,
      LensAttributeCommand.class,
      LensProbeCommand.class,
      LensSaeCommand.class,
      LensScopeCommand.class,
      LensExamplesCommand.class,
      LensWeightsCommand.class,
      LensPatchCommand.class,
      LensCircuitCommand.class,
      LensEdgesCommand.class,
      LensSteerCommand.class,
      LensAlignCommand.class,
      LensAttentionCommand.class,
      LensHeadsCommand.class,
      LensRetrievalCommand.class,
      LensNeuronsCommand.class,
      LensMixingCommand.class,
      LensOcclusionCommand.class,
      LensNormsCommand.class,
      LensStatisticsCommand.class,
      LensResidualCommand.class
    })
final class LensCommand implements Runnable {
  @Spec private CommandSpec command = CommandSpec.create();

  LensCommand() {}

  @Override
  public void run() {
    CommandLine self = command.commandLine();
    throw new ParameterException(self, "lens needs one of " + self.getSubcommands().keySet());
  }
}
