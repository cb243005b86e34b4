package dev.vidrio.langchain4j;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The model of a builder that takes a model or its file. */
final class GivenModel {
  private GivenModel() {}

  /**
   * Returns the given model, or opens the file.
   *
   * @throws InvalidInputException unless exactly one is given
   */
  static Model of(@Nullable Model model, @Nullable Path path) {
    if (model != null && path == null) {
      return model;
    }
    if (model != null || path == null) {
      throw new InvalidInputException(
          "modelPath", String.valueOf(path), "exactly one of model and modelPath is required");
    }
    return Model.open(path);
  }
}
