package dev.vidrio.cli.option;

import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * An adapter argument: {@code FILE[=STRENGTH]}.
 *
 * @param strength scales the adapter; 1 by default
 */
public record AdapterFile(Path path, float strength) {

  /** Parses {@code FILE[=STRENGTH]}. */
  public static AdapterFile parse(String text) {
    int equals = text.lastIndexOf('=');
    Float strength = equals < 0 ? null : number(text.substring(equals + 1));
    return strength == null
        ? new AdapterFile(CommandGroup.path(text), 1)
        : new AdapterFile(CommandGroup.path(text.substring(0, equals)), strength);
  }

  /** Opens the adapter for a model, which closes it. */
  Adaptation open(Model model) {
    return new Adaptation(model.openAdapter(path), strength);
  }

  /** Parses a strength; null if it is not a number, as in a file name with an equals sign. */
  private static @Nullable Float number(String text) {
    try {
      return Float.valueOf(text);
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
