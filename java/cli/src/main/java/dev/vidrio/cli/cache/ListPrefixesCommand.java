package dev.vidrio.cli.cache;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Units;
import dev.vidrio.model.state.StateDirectory;
import java.io.IOException;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio cache list}. */
@Command(name = "list", description = "Lists the models with prefixes in a directory.")
final class ListPrefixesCommand implements Callable<Integer> {
  @Option(
      names = "--cache-dir",
      paramLabel = "DIR",
      required = true,
      description = "The directory.")
  private Path directory = Path.of("");

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    List<StateDirectory.Usage> models = ClearCommand.open(directory).list();
    if (json) {
      Json.print(models.stream().map(ListPrefixesCommand::toJson).toList());
      return 0;
    }
    System.out.printf(
        "%-16s  %8s  %8s  %8s  %-20s  %s%n", "model", "files", "size", "longest", "used", "name");
    for (StateDirectory.Usage model : models) {
      System.out.printf(
          "%-16s  %8d  %8s  %8d  %-20s  %s%n",
          model.model(),
          model.states(),
          Units.bytes(model.bytes()),
          model.positions(),
          model.used() == null ? "-" : model.used().truncatedTo(ChronoUnit.SECONDS),
          model.name());
    }
    return 0;
  }

  private static JsonObject toJson(StateDirectory.Usage model) {
    return new JsonObject()
        .with("model", model.model())
        .with("name", model.name())
        .with("files", model.states())
        .with("bytes", model.bytes())
        .with("tokens", model.positions())
        .with("used", model.used() == null ? null : model.used().toString());
  }
}
