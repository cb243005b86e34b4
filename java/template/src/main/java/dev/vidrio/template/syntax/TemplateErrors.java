package dev.vidrio.template.syntax;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.template.value.Fault;

/**
 * Creates the errors of one template.
 *
 * @param name the template's name or file, as the user knows it
 */
public record TemplateErrors(String name) {

  private static final String ALTERNATIVE = "pass the prompt without a template";

  /** Creates the error for a malformed template. */
  ModelFileException syntax(int line, String what) {
    return new ModelFileException(name, place(line), "", what);
  }

  /** Creates the error for an unsupported construct. */
  UnsupportedModelException unsupported(int line, String construct) {
    return new UnsupportedModelException(name, place(line) + ": " + construct, ALTERNATIVE);
  }

  /** Creates the error for a failed rendering. */
  public ModelException of(Fault fault, int line) {
    String message = String.valueOf(fault.getMessage());
    return fault.isUnsupported()
        ? unsupported(line, message)
        : new InvalidInputException(name + ": " + place(line), "", message);
  }

  private static String place(int line) {
    return "chat template line " + line;
  }
}
