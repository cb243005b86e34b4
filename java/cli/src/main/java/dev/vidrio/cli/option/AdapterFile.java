package dev.vidrio.cli.option;

import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
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

  /** Opens the adapter for a model, which closes it unless the caller does. */
  public Adaptation open(Model model) {
    Adapter adapter = model.openAdapter(path);
    try {
      return new Adaptation(adapter, strength);
    } catch (RuntimeException e) {
      adapter.close();
      throw e;
    }
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
