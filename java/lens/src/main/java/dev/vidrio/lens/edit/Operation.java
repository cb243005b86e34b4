package dev.vidrio.lens.edit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.SimilarNames;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The operation of an edit. */
enum Operation {
  ZERO,
  SET,
  ADD,
  SCALE,
  CLAMP,
  PROJECT_OUT,
  PATCH,
  SWAP,
  MEAN,
  RESAMPLE,
  NOISE;

  /**
   * Parses the name of an operation.
   *
   * @param edit the whole edit, for errors
   */
  static Operation parse(String edit, String name) {
    for (Operation operation : values()) {
      if (operation.text().equals(name)) {
        return operation;
      }
    }
    List<String> names = Arrays.stream(values()).map(Operation::text).toList();
    List<String> near = SimilarNames.of(name, names);
    throw new InvalidInputException(
        "edit",
        edit,
        (name.isEmpty() ? "missing operation; " : "unknown operation " + name + "; ")
            + (near.isEmpty()
                ? "available: " + String.join(", ", names)
                : "did you mean " + near.getFirst() + "?"));
  }

  /** Returns its name on the command line. */
  String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
