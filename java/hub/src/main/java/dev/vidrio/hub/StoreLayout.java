package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.hub.file.PathSegment;
import dev.vidrio.hub.source.HuggingFaceRepository;
import dev.vidrio.hub.source.HuggingFaceSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The file layout of a store.
 *
 * <pre>
 * smollm2.gguf                          a model of the catalog
 * hf/owner/repo/revision/path/file.gguf a file of Hugging Face, names percent-encoded
 * ….gguf.json                           the record of the model
 * ….gguf.part, ….gguf.part.etag         a partial download and its HTTP validator
 * ….gguf.pip/                           the working directory of pip
 * .locks/                               one empty file per model ever pulled
 * </pre>
 *
 * @param directory the store, absolute
 */
record StoreLayout(Path directory) {

  private static final String HUGGING_FACE = "hf";
  private static final String LOCKS = ".locks";
  private static final String ENDING = ".gguf";

  /**
   * The files of one model.
   *
   * @param model the model file
   * @param lock the lock file of its pulls
   */
  record Slot(Path model, Path lock) {

    Path directory() {
      return Objects.requireNonNull(model.getParent());
    }

    Path record() {
      return recordOf(model);
    }

    Path part() {
      return sibling(".part");
    }

    Path validator() {
      return sibling(".part.etag");
    }

    Path scratch() {
      return sibling(".pip");
    }

    private Path sibling(String ending) {
      return model.resolveSibling(model.getFileName() + ending);
    }
  }

  Slot named(String name) {
    return slot(Path.of(name + ENDING));
  }

  Slot huggingFace(HuggingFaceSource source) {
    return slot(
        Path.of(
            HUGGING_FACE,
            source.owner(),
            source.repo(),
            PathSegment.encode(source.revision()),
            PathSegment.encodePath(source.file())));
  }

  private Slot slot(Path relative) {
    return new Slot(directory.resolve(relative), directory.resolve(LOCKS).resolve(relative));
  }

  /** Returns the record of a model. */
  static Path recordOf(Path model) {
    return model.resolveSibling(model.getFileName() + ".json");
  }

  /** Returns the root directory of Hugging Face files. */
  Path huggingFaceDirectory() {
    return directory.resolve(HUGGING_FACE);
  }

  /** Returns the paths inside a repository of the files that are in the store. */
  List<String> filesOf(HuggingFaceRepository repository) throws IOException {
    Path root = Objects.requireNonNull(huggingFace(repository.file("any")).model().getParent());
    if (!Files.isDirectory(root)) {
      return List.of();
    }
    List<String> paths = new ArrayList<>();
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        List<String> names = decoded(root.relativize(file));
        if (!names.isEmpty()) {
          paths.add(String.join("/", names));
        }
      }
    } catch (UncheckedIOException e) {
      throw Objects.requireNonNull(e.getCause());
    }
    return paths;
  }

  /** Returns the decoded segments of a path; none if one cannot be decoded. */
  private static List<String> decoded(Path path) {
    List<String> names = new ArrayList<>();
    for (Path segment : path) {
      PathSegment.decode(segment.toString()).ifPresent(names::add);
    }
    return names.size() == path.getNameCount() ? names : List.of();
  }

  /** Returns whether a file name has the extension of a model file. */
  static boolean isModelFile(String name) {
    return name.regionMatches(true, name.length() - ENDING.length(), ENDING, 0, ENDING.length());
  }

  /** Returns the name of the model at a path; empty if the file is not a model. */
  Optional<String> nameOf(Path model) {
    Path relative = directory.relativize(model);
    String file = relative.getFileName().toString();
    if (!isModelFile(file)) {
      return Optional.empty();
    }
    if (relative.getNameCount() == 1) {
      String name = file.substring(0, file.length() - ENDING.length());
      return CatalogEntry.isName(name) ? Optional.of(name) : Optional.empty();
    }
    return huggingFaceName(relative);
  }

  private static Optional<String> huggingFaceName(Path relative) {
    List<String> names = decoded(relative);
    if (names.size() < 5 || !names.getFirst().equals(HUGGING_FACE)) {
      return Optional.empty();
    }
    String file = String.join("/", names.subList(4, names.size()));
    try {
      return Optional.of(
          new HuggingFaceSource(names.get(1), names.get(2), names.get(3), file).label());
    } catch (InvalidInputException e) {
      return Optional.empty();
    }
  }
}
