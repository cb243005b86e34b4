package dev.vidrio.cli.lens.edit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.SimilarNames;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What an edit does. */
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
   * The operation of a name.
   *
   * @param edit what it is a part of, for errors
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
        (name.isEmpty() ? "needs an operation after the hook: " : name + " is no operation; ")
            + (near.isEmpty()
                ? "there are " + String.join(", ", names)
                : "near is " + near.getFirst()));
  }

  /** Its name on the command line. */
  String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
