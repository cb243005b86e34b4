package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.hub.file.PathSegment;
import dev.vidrio.hub.file.Sha256;
import dev.vidrio.hub.source.EmbeddedSource;
import dev.vidrio.hub.source.ModelSource;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A model known by name.
 *
 * @param name what the user writes: lower-case letters, digits and {@code ._-}
 * @param description one line that says what the model is
 * @param licence SPDX identifier of the weights' licence
 * @param file the model file's own name
 * @param bytes the file's size
 * @param sha256 the file's SHA-256, 64 lower-case hex digits
 * @param sources where the bytes come from, the preferred one first
 */
public record CatalogEntry(
    String name,
    String description,
    String licence,
    String file,
    long bytes,
    String sha256,
    List<ModelSource> sources) {

  private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9._-]{0,63}");

  /**
   * Copies the list and checks the values.
   *
   * @throws InvalidInputException if a value is malformed
   */
  public CatalogEntry {
    if (!isName(name)) {
      throw new InvalidInputException(
          "model name", name, "must be 1 to 64 lower-case letters, digits and '._-'");
    }
    PathSegment.check("file of " + name, file, file);
    if (file.contains("/")) {
      throw new InvalidInputException("file of " + name, file, "must be a file name, not a path");
    }
    if (bytes <= 0) {
      throw new InvalidInputException("size of " + name, bytes + " bytes", "must be positive");
    }
    if (!Sha256.isHex(sha256)) {
      throw new InvalidInputException(
          "SHA-256 of " + name, sha256, "must be 64 lower-case hex digits");
    }
    sources = List.copyOf(sources);
    if (sources.isEmpty()) {
      throw new InvalidInputException("sources of " + name, "", "must have at least one");
    }
  }

  /** Whether text has the form of a model name. */
  static boolean isName(String text) {
    return NAME.matcher(text).matches() && !text.endsWith(".") && !text.contains("..");
  }

  /**
   * {@return whether the model is part of the engine's own artifacts, so that it is never pulled}
   */
  public boolean isEmbedded() {
    return sources.stream().anyMatch(EmbeddedSource.class::isInstance);
  }
}
