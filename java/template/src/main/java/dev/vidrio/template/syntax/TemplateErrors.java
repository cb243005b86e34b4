package dev.vidrio.template.syntax;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.template.value.Fault;

/**
 * Words the errors of one template.
 *
 * @param name the template's name or file, as the user knows it
 */
public record TemplateErrors(String name) {

  private static final String ALTERNATIVE = "give the prompt without a template";

  /** The template is not well formed. */
  ModelFileException syntax(int line, String what) {
    return new ModelFileException(name, place(line), "", what);
  }

  /** The template is well formed, but uses a construct that this interpreter does not have. */
  UnsupportedModelException unsupported(int line, String construct) {
    return new UnsupportedModelException(name, place(line) + ": " + construct, ALTERNATIVE);
  }

  /** The template could not be rendered. */
  public ModelException of(Fault fault, int line) {
    String message = String.valueOf(fault.getMessage());
    return switch (fault.kind()) {
      case UNSUPPORTED -> unsupported(line, message);
      case RAISED, FAILED -> new InvalidInputException(name + ": " + place(line), "", message);
    };
  }

  private static String place(int line) {
    return "chat template line " + line;
  }
}
