package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.InputOutput;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads lines of fields that tab characters separate. */
public final class TabbedLines {
  private TabbedLines() {}

  /**
   * Returns the fields of each line that is not empty; missing optional ones are empty.
   *
   * @param required number of fields that each line must have
   * @param all number of fields with the optional ones
   * @param names the fields, for errors
   */
  public static List<List<String>> read(Path file, int required, int all, String names) {
    List<String> lines = InputOutput.read(file).lines().toList();
    List<List<String>> rows = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).isBlank()) {
        continue;
      }
      List<String> fields = new ArrayList<>(List.of(lines.get(i).split("\t", -1)));
      boolean blank = fields.stream().limit(required).anyMatch(String::isBlank);
      if (fields.size() < required || fields.size() > all || blank) {
        throw new CommandException(
            file + ": line " + (i + 1) + ": must be " + names + ", separated by tab characters");
      }
      while (fields.size() < all) {
        fields.add("");
      }
      rows.add(fields);
    }
    if (rows.isEmpty()) {
      throw new CommandException(file + ": must have one or more lines of " + names);
    }
    return rows;
  }
}
