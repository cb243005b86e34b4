package dev.vidrio.cli.eval;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vidrio eval}. */
@Command(
    name = "eval",
    description = "Evaluates a model on a text.",
    subcommands = {
      PerplexityCommand.class,
      LogLikelihoodCommand.class,
      KldCommand.class,
      LogitsCommand.class
    })
public final class EvalCommand implements Runnable {
  @Spec private CommandSpec command = CommandSpec.create();

  EvalCommand() {}

  @Override
  public void run() {
    CommandLine self = command.commandLine();
    throw new ParameterException(self, "eval needs one of " + self.getSubcommands().keySet());
  }
}
