package dev.vidrio.cli;

import dev.vidrio.cli.io.UsageException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option of a directory with models to serve. */
final class ServedDirectoryOption {
  private static final String OPTION = "--models-dir";

  /** A part of a split file after the first, which opens with it. */
  private static final Pattern LATER_PART =
      Pattern.compile(".*-(?!00001-of-)\\d{5}-of-\\d{5}\\.gguf");

  @Option(
      names = OPTION,
      paramLabel = "DIRECTORY",
      description =
          "Serve every model in this directory, GGUF files and Hugging Face directories, by the"
              + " names of the files, in addition to those of -m.")
  private @Nullable Path directory;

  /** Returns whether the user gave a directory. */
  boolean isGiven() {
    return directory != null;
  }

  /**
   * Returns the paths of the models, sorted by name.
   *
   * @throws UsageException if the directory does not exist or has no models
   */
  List<String> references() {
    Path given = directory;
    if (given == null) {
      return List.of();
    }
    if (!Files.isDirectory(given)) {
      throw new UsageException(OPTION + " " + given + ": is not a directory");
    }
    try (Stream<Path> files = Files.list(given)) {
      List<String> models =
          files.filter(ServedDirectoryOption::isModel).sorted().map(Path::toString).toList();
      if (models.isEmpty()) {
        throw new UsageException(
            OPTION + " " + given + ": must have GGUF files or directories with config.json");
      }
      return models;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isModel(Path path) {
    String name = path.toString();
    return Files.isDirectory(path)
        ? Files.exists(path.resolve("config.json"))
        : name.endsWith(".gguf") && !LATER_PART.matcher(name).matches();
  }
}
