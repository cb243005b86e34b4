package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.NearNames;
import dev.vidrio.hub.source.HuggingFaceSource;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

/** A reference to a model as a user writes it: a path, a name, or {@code hf:owner/repo/file}. */
public sealed interface ModelReference {

  /** The prefix of a Hugging Face reference. */
  String HUGGING_FACE_PREFIX = "hf:";

  /**
   * A model file on this machine.
   *
   * @param path the file, as it was given
   */
  record LocalFile(Path path) implements ModelReference {

    @Override
    public String toString() {
      return path.toString();
    }
  }

  /**
   * A model of the catalogue.
   *
   * @param entry its entry
   */
  record Named(CatalogEntry entry) implements ModelReference {

    @Override
    public String toString() {
      return entry.name();
    }
  }

  /**
   * A file on Hugging Face that the catalogue need not know.
   *
   * @param source where it is
   */
  record HuggingFace(HuggingFaceSource source) implements ModelReference {

    /**
     * Checks that the file is one that a model can be read from.
     *
     * @throws InvalidInputException if its name does not end with {@code .gguf}
     */
    public HuggingFace {
      if (!StoreLayout.isModelFile(source.file())) {
        throw new InvalidInputException("Hugging Face file", source.file(), "must end with .gguf");
      }
    }

    @Override
    public String toString() {
      return source.label();
    }
  }

  /**
   * Reads a reference with the standard catalogue.
   *
   * @param text what the user wrote
   * @return the reference
   * @throws InvalidInputException if the text is no reference
   * @see #parse(String, Catalog)
   */
  static ModelReference parse(String text) {
    return parse(text, Catalog::standard);
  }

  /**
   * Reads a reference.
   *
   * <p>{@code hf:owner/repo/file}, optionally with {@code @revision} at its end, names a file on
   * Hugging Face. A name of the catalogue stands for that model even if a file of that name lies in
   * the working directory; {@code ./name} means the file. Everything that has a path separator,
   * ends with {@code .gguf} or exists is a path; whether it can be read is not looked at.
   *
   * @param text what the user wrote
   * @param catalog the names that are known
   * @return the reference
   * @throws InvalidInputException if the text is none of these; the message suggests near names
   */
  static ModelReference parse(String text, Catalog catalog) {
    return parse(text, () -> catalog);
  }

  /** Paths, the most frequent references, need no catalogue, which takes time to read. */
  private static ModelReference parse(String text, Supplier<Catalog> catalogs) {
    if (text.startsWith(HUGGING_FACE_PREFIX)) {
      return parseHuggingFace(text);
    }
    if (text.contains("://")) {
      throw new InvalidInputException(
          "model",
          text,
          "addresses are not taken; write hf:owner/repo/file.gguf, or download the file and give"
              + " its path");
    }
    if (text.contains("/") || text.contains(File.separator)) { // no name has these
      return localFile(text);
    }
    Catalog catalog = catalogs.get();
    CatalogEntry entry = catalog.find(text).orElse(null);
    if (entry != null) {
      return new Named(entry);
    }
    LocalFile file = localFile(text);
    if (StoreLayout.isModelFile(text) || (!text.isEmpty() && Files.exists(file.path()))) {
      return file;
    }
    throw new InvalidInputException("model", text, unknown(text, catalog));
  }

  private static LocalFile localFile(String text) {
    try {
      return new LocalFile(Path.of(text));
    } catch (InvalidPathException e) {
      throw new InvalidInputException("model", text, "is not a path: " + e.getReason());
    }
  }

  private static ModelReference parseHuggingFace(String text) {
    String rest = text.substring(HUGGING_FACE_PREFIX.length());
    int at = rest.indexOf('@');
    String revision = at < 0 ? HuggingFaceSource.DEFAULT_REVISION : rest.substring(at + 1);
    String[] parts = (at < 0 ? rest : rest.substring(0, at)).split("/", 3);
    if (parts.length < 3) {
      throw new InvalidInputException(
          "model", text, "must be hf:owner/repo/file.gguf, optionally with @revision at its end");
    }
    return new HuggingFace(new HuggingFaceSource(parts[0], parts[1], revision, parts[2]));
  }

  private static String unknown(String text, Catalog catalog) {
    List<String> near = NearNames.of(text, catalog.names());
    String hint =
        near.isEmpty()
            ? "known names are " + String.join(", ", catalog.names()) + "."
            : "did you mean " + String.join(" or ", near) + "?";
    return "no such name or file; " + hint + " A path or hf:owner/repo/file.gguf is taken too";
  }
}
