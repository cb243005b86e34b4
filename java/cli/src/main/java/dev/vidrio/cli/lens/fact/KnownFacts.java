package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.TabbedLines;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.fact.Fact;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** The options of a file of facts. */
public final class KnownFacts {
  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description =
          "A file with a fact on each line: the subject, a prompt with {} for it, and the answer,"
              + " separated by tab characters.")
  private Path file = Path.of("");

  @Option(
      names = "--all",
      description = "Also use facts whose answer is not the model's most likely next token.")
  private boolean all;

  @Option(names = "--limit", paramLabel = "N", description = "Use at most the first N facts.")
  private int limit = Integer.MAX_VALUE;

  /** A line of the file. */
  record Line(String subject, String prompt, String answer) {}

  /**
   * Facts.
   *
   * @param read the number of facts in the file
   * @param lines those that are used
   * @param facts the same facts
   */
  record Found(int read, List<Line> lines, List<Fact> facts) {
    /** Returns a line of text about the number of facts. */
    String summary() {
      return facts.size() + " of " + read + " facts";
    }

    /** Adds the numbers of facts to a JSON object. */
    void fill(JsonObject object) {
      object.put("facts_read", read);
      object.put("facts", facts.size());
    }
  }

  /** Reads the facts that the model knows. */
  Found of(Lens lens) {
    List<List<String>> rows = TabbedLines.read(file, 3, 3, "a subject, a prompt and an answer");
    if (limit < 1) {
      throw new InvalidInputException("limit", Integer.toString(limit), "must be at least 1");
    }
    List<Line> lines = new ArrayList<>();
    List<Fact> facts = new ArrayList<>();
    for (List<String> row : rows) {
      if (facts.size() == limit) {
        break;
      }
      Fact fact = Fact.of(lens.model(), row.get(0), row.get(1), row.get(2));
      if (all || fact.isKnown(lens)) {
        lines.add(new Line(row.get(0), row.get(1), row.get(2)));
        facts.add(fact);
      }
    }
    if (facts.isEmpty()) {
      throw new CommandException(
          file + ": the model predicts none of the answers; --all uses the facts anyway");
    }
    return new Found(rows.size(), lines, facts);
  }
}
