package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.option.CommandGroup;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code vidrio lens facts}. */
@Command(
    name = "facts",
    description = {
      "Recall of facts, over a file of them: where a fact is stored, and how it reaches the last"
          + " token.",
      "'vidrio lens rewrite' changes facts."
    })
public final class FactsCommand implements CommandGroup.Namespace {

  @Override
  public List<Class<?>> commands() {
    return List.of(
        TraceFactsCommand.class,
        KnockOutCommand.class,
        ExtractionCommand.class,
        ContextCommand.class,
        TruthCommand.class);
  }
}
