package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.hub.source.HuggingFaceRepository;

/**
 * A short name of a well-known model on Hugging Face. Unlike that of a {@link CatalogEntry}, its
 * size and SHA-256 are not part of this version: Hugging Face declares them when it is pulled, and
 * the download is verified against them.
 *
 * @param name the name in references, as in {@link CatalogEntry}
 * @param description one line that describes the model
 * @param repository the repository and quantization
 */
public record ShortName(String name, String description, HuggingFaceRepository repository) {

  /**
   * Checks the name.
   *
   * @throws InvalidInputException if it is malformed
   */
  public ShortName {
    if (!CatalogEntry.isName(name)) {
      throw new InvalidInputException(
          "model name", name, "must be 1 to 64 lower-case letters, digits and '._-'");
    }
  }
}
