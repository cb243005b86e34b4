package dev.vidrio.cli.cache;

import dev.vidrio.cli.io.Units;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.state.StateDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio cache clear}. */
@Command(
    name = "clear",
    description = "Deletes all prefixes in a directory; servers that use it continue.")
final class ClearCommand implements Callable<Integer> {
  @Option(
      names = "--cache-dir",
      paramLabel = "DIR",
      required = true,
      description = "The directory.")
  private Path directory = Path.of("");

  @Override
  public Integer call() throws IOException {
    System.out.println("deleted " + Units.bytes(open(directory).clear()));
    return 0;
  }

  /** Opens a directory that exists. */
  static StateDirectory open(Path directory) {
    if (!Files.isDirectory(directory)) {
      throw new UsageException("--cache-dir " + directory + ": is not a directory");
    }
    try {
      return StateDirectory.open(directory, StateDirectory.DEFAULT_BYTES);
    } catch (InvalidInputException e) {
      throw new UsageException("--cache-dir " + directory + ": " + e.limit());
    }
  }
}
