package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.SimilarNames;
import dev.vidrio.hub.source.HuggingFaceRepository;
import dev.vidrio.hub.source.HuggingFaceSource;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A reference to a model, as a user writes it: a path, a catalog name, {@code
 * hf:owner/repo:quantization} or {@code hf:owner/repo/file.gguf}.
 *
 * {@snippet file="HubExamples.java" region="pull"}
 *
 * <p>References are immutable values. {@link ModelStore#find} resolves one to a local file, {@link
 * ModelStore#pull} downloads it.
 */
public sealed interface ModelReference {

  /** The prefix of a Hugging Face reference. */
  String HUGGING_FACE_PREFIX = "hf:";

  /**
   * A model file on this machine.
   *
   * @param path the path, as given
   */
  record LocalFile(Path path) implements ModelReference {

    @Override
    public String toString() {
      return path.toString();
    }
  }

  /**
   * A model of the catalog.
   *
   * @param entry the catalog entry
   */
  record Named(CatalogEntry entry) implements ModelReference {

    @Override
    public String toString() {
      return entry.name();
    }
  }

  /**
   * A file on Hugging Face, which need not be in the catalog.
   *
   * @param source the repository, revision and file
   */
  record HuggingFace(HuggingFaceSource source) implements ModelReference {

    /**
     * Checks the file type.
     *
     * @throws InvalidInputException if the name does not end with {@code .gguf}
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
   * A repository on Hugging Face. One of its GGUF models is used: the one of the quantization, else
   * of {@code Q4_K_M}, else of {@code Q8_0}, else the first by name. A split file counts as one.
   *
   * @param repository the repository, revision and quantization
   */
  record HuggingFaceModel(HuggingFaceRepository repository) implements ModelReference {

    @Override
    public String toString() {
      return repository.label();
    }
  }

  /**
   * Parses a reference with the standard catalog.
   *
   * @param text the reference
   * @return the parsed reference
   * @throws InvalidInputException if the text is not a valid reference
   * @see #parse(String, Catalog)
   */
  static ModelReference parse(String text) {
    return parse(text, Catalog::standard);
  }

  /**
   * Parses a reference.
   *
   * <p>{@code hf:owner/repo/file} is a file on Hugging Face, {@code hf:owner/repo} or {@code
   * hf:owner/repo:quantization} a model of a repository; {@code @revision} may follow. A catalog
   * name means that model even if the working directory contains a file of that name; {@code
   * ./name} means the file. A text that contains a path separator, ends with {@code .gguf} or
   * exists as a file is a path; the file is not opened.
   *
   * @param text the reference
   * @param catalog the known names
   * @return the parsed reference
   * @throws InvalidInputException if the text is not a valid reference; the message suggests
   *     similar names
   */
  static ModelReference parse(String text, Catalog catalog) {
    return parse(text, () -> catalog);
  }

  /** Parses with a lazily loaded catalog: paths, the most frequent references, do not need it. */
  private static ModelReference parse(String text, Supplier<Catalog> catalogs) {
    if (text.startsWith(HUGGING_FACE_PREFIX)) {
      return parseHuggingFace(text);
    }
    if (text.contains("://")) {
      throw new InvalidInputException(
          "model",
          text,
          "URLs are not supported; write hf:owner/repo or hf:owner/repo/file.gguf, or download the"
              + " file and pass its path");
    }
    if (text.contains("/") || text.contains(File.separator)) { // names contain no separators
      return localFile(text);
    }
    Catalog catalog = catalogs.get();
    CatalogEntry entry = catalog.find(text).orElse(null);
    if (entry != null) {
      return new Named(entry);
    }
    ShortName shortName = catalog.findShortName(text).orElse(null);
    if (shortName != null) {
      return new HuggingFaceModel(shortName.repository());
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
    if (parts.length < 2) {
      throw new InvalidInputException(
          "model",
          text,
          "must be hf:owner/repo, hf:owner/repo:quantization or hf:owner/repo/file.gguf, optionally"
              + " followed by @revision");
    }
    if (parts.length == 2) {
      int colon = parts[1].indexOf(':');
      String repo = colon < 0 ? parts[1] : parts[1].substring(0, colon);
      Optional<String> quant =
          colon < 0 ? Optional.empty() : Optional.of(parts[1].substring(colon + 1));
      return new HuggingFaceModel(new HuggingFaceRepository(parts[0], repo, revision, quant));
    }
    return new HuggingFace(new HuggingFaceSource(parts[0], parts[1], revision, parts[2]));
  }

  private static String unknown(String text, Catalog catalog) {
    List<String> near = SimilarNames.of(text, catalog.names());
    String hint =
        near.isEmpty()
            ? "available: " + String.join(", ", catalog.names())
            : "did you mean " + String.join(" or ", near) + "?";
    return "no such name, file, hf:owner/repo or hf:owner/repo/file.gguf; " + hint;
  }
}
