package dev.vidrio.cli;

import dev.vidrio.cli.option.ModelNames;
import dev.vidrio.hub.ModelStore;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code vidrio rm}. */
@Command(name = "rm", description = "Deletes pulled models.")
final class RmCommand implements Callable<Integer> {

  @Parameters(
      arity = "1..*",
      paramLabel = "NAME",
      completionCandidates = ModelNames.class,
      description = "A name as 'vidrio list' shows it.")
  private List<String> names = List.of();

  @Override
  public Integer call() {
    ModelStore store = ModelStore.open();
    int code = 0;
    for (String name : names) {
      if (store.remove(name)) {
        System.out.println("removed " + name);
      } else {
        System.err.println("vidrio: " + name + ": is not in " + store.directory());
        code = 1;
      }
    }
    return code;
  }
}
