package dev.vidrio.cli.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.state.StateDirectory;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The directory of the prefix cache and its size. */
public final class CacheDirectoryOption {
  @Option(
      names = "--cache-dir",
      paramLabel = "DIR",
      description = {
        "Keep computed prefixes of prompts in this directory, for later runs. Several models and"
            + " servers may share it."
      })
  private @Nullable Path directory;

  @Option(
      names = "--cache-dir-size",
      paramLabel = "MB",
      description = "Maximum size of the directory; the least recently used prefixes are deleted.")
  private long megabytes = StateDirectory.DEFAULT_BYTES >> 20;

  /** Returns options with the directory, if it is given. */
  public EngineOptions applyTo(EngineOptions options) {
    if (megabytes < 1 || megabytes > Long.MAX_VALUE >> 20) {
      throw new UsageException(
          "--cache-dir-size " + megabytes + ": must be 1 to " + (Long.MAX_VALUE >> 20));
    }
    if (directory != null) {
      try {
        StateDirectory.open(directory, megabytes << 20);
      } catch (InvalidInputException e) {
        throw new UsageException("--cache-dir " + directory + ": " + e.limit());
      }
    }
    return options.withCacheDirectory(directory, megabytes << 20);
  }

  /** Returns whether the directory is given. */
  public boolean isPresent() {
    return directory != null;
  }
}
