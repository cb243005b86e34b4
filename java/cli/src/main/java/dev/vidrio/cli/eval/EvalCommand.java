package dev.vidrio.cli.eval;

import dev.vidrio.cli.option.CommandGroup;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code vidrio eval}. */
@Command(name = "eval", description = "Evaluates a model on a text.")
public final class EvalCommand implements Runnable, CommandGroup {
  @Spec private CommandSpec command = CommandSpec.create();

  @Override
  public List<Class<?>> commands() {
    return List.of(
        PerplexityCommand.class, LogLikelihoodCommand.class, KldCommand.class, LogitsCommand.class);
  }

  @Override
  public void run() {
    throw CommandGroup.missing(command);
  }
}
