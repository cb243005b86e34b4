package dev.vidrio.cli.eval;

import dev.vidrio.cli.option.CommandGroup;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code vidrio eval}. */
@Command(name = "eval", description = "Evaluates a model on a text.")
public final class EvalCommand implements CommandGroup.Namespace {

  @Override
  public List<Class<?>> commands() {
    return List.of(
        PerplexityCommand.class, LogLikelihoodCommand.class, KldCommand.class, LogitsCommand.class);
  }
}
