package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.hub.file.PathSegment;
import dev.vidrio.hub.source.HuggingFaceSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Where things lie in a store.
 *
 * <pre>
 * smollm2.gguf                          a model of the catalogue
 * hf/owner/repo/revision/path/file.gguf a file of Hugging Face, names percent-encoded
 * ….gguf.json                           what is known of the model beside it
 * ….gguf.part, ….gguf.part.etag         a download that is not complete, and what it may continue
 * ….gguf.pip/                           what pip works in
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
   * @param directory where they lie
   * @param model the model itself
   * @param lock what pulls of it lock
   */
  record Slot(Path directory, Path model, Path lock) {

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
    return slot(List.of(name + ENDING));
  }

  Slot huggingFace(HuggingFaceSource source) {
    List<String> names = new ArrayList<>();
    names.add(HUGGING_FACE);
    names.add(source.owner());
    names.add(source.repo());
    names.add(PathSegment.encode(source.revision()));
    for (String segment : source.file().split("/", -1)) {
      names.add(PathSegment.encode(segment));
    }
    return slot(names);
  }

  private Slot slot(List<String> names) {
    Path parent = directory;
    Path lock = directory.resolve(LOCKS);
    for (String name : names.subList(0, names.size() - 1)) {
      parent = parent.resolve(name);
      lock = lock.resolve(name);
    }
    return new Slot(parent, parent.resolve(names.getLast()), lock.resolve(names.getLast()));
  }

  /** Returns the record beside a model. */
  static Path recordOf(Path model) {
    return model.resolveSibling(model.getFileName() + ".json");
  }

  /** Returns the directory below which the files of Hugging Face lie. */
  Path huggingFaceDirectory() {
    return directory.resolve(HUGGING_FACE);
  }

  /** Whether a file name is one that a model can be read from. */
  static boolean isModelFile(String name) {
    return name.regionMatches(true, name.length() - ENDING.length(), ENDING, 0, ENDING.length());
  }

  /** Returns what a user calls the model file at this path; empty for a file that is no model. */
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
    List<String> names = new ArrayList<>();
    for (Path segment : relative) {
      PathSegment.decode(segment.toString()).ifPresent(names::add);
    }
    if (names.size() < relative.getNameCount()
        || names.size() < 5
        || !names.getFirst().equals(HUGGING_FACE)) {
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
