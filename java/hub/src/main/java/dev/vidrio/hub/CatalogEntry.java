package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.hub.file.PathSegment;
import dev.vidrio.hub.source.EmbeddedSource;
import dev.vidrio.hub.source.ModelSource;
import dev.vidrio.kernel.host.Sha256;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A model of the {@link Catalog}.
 *
 * @param name the name in references: lower-case letters, digits and {@code ._-}
 * @param description one line that describes the model
 * @param license the SPDX identifier of the weights' license
 * @param file the name of the model file
 * @param bytes the size of the file
 * @param sha256 the SHA-256 of the file, 64 lower-case hex digits
 * @param sources the download sources, the preferred one first
 */
public record CatalogEntry(
    String name,
    String description,
    String license,
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

  /** Returns whether a text has the form of a model name. */
  static boolean isName(String text) {
    return NAME.matcher(text).matches() && !text.endsWith(".") && !text.contains("..");
  }

  /** {@return whether the model is embedded in the class path, so that it is never pulled} */
  public boolean isEmbedded() {
    return sources.stream().anyMatch(EmbeddedSource.class::isInstance);
  }
}
