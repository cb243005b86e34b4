package dev.vidrio.cli;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.option.ModelNames;
import dev.vidrio.cli.option.ModelPull;
import dev.vidrio.hub.ModelReference;
import dev.vidrio.hub.ModelStore;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code vidrio pull}. */
@Command(
    name = "pull",
    description = "Downloads models to your cache. An interrupted pull resumes.")
final class PullCommand implements Runnable {

  @Parameters(
      arity = "1..*",
      paramLabel = "MODEL",
      completionCandidates = ModelNames.class,
      description = "A name (see 'vidrio list'), hf:OWNER/REPO[:QUANT], or hf:OWNER/REPO/FILE.")
  private List<String> references = List.of();

  @Override
  public void run() {
    ModelStore store = ModelStore.open();
    for (String reference : references) {
      System.out.println(ModelPull.pull(store, ModelReference.parse(reference)));
      Hint.print("'vidrio run " + reference + "' runs the model.");
    }
  }
}
