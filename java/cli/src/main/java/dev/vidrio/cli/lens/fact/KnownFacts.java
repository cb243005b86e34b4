package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.TabbedLines;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.fact.Fact;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of a file of facts. */
public final class KnownFacts {
  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description =
          "A file with a fact on each line: the subject, a prompt with {} for it, the answer and,"
              + " for a --metric that contrasts, a wrong one, separated by tab characters.")
  private Path file = Path.of("");

  @Option(
      names = "--all",
      description = "Also use facts with an answer that is not the model's most likely next token.")
  private boolean all;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Use at most the first N facts. Default: all.")
  private @Nullable Integer limit;

  /**
   * A line of the file.
   *
   * @param wrong the wrong answer; empty for none
   */
  record Line(String subject, String prompt, String answer, String wrong) {
    /** Returns the fact with the given answer. */
    Fact fact(Model model, String to) {
      return Fact.of(model, subject, prompt, to);
    }
  }

  /** A fact and a false answer. */
  record Contradicted(Line line, String other) {}

  /**
   * Facts.
   *
   * @param read the number of facts in the file
   * @param lines those that are used
   * @param facts the facts of the lines
   */
  record Found(int read, List<Line> lines, List<Fact> facts) {
    /**
     * Returns a metric of each fact. Its answers are the first tokens of those of the line.
     *
     * @throws InvalidInputException if the metric needs a wrong answer that a line does not have,
     *     or reads an answer of several tokens
     */
    Map<Fact, Metric> metrics(Lens lens, MetricSpec spec) {
      Map<Fact, Metric> metrics = new HashMap<>();
      for (int i = 0; i < facts.size(); i++) {
        Fact fact = facts.get(i);
        Line line = lines.get(i);
        List<String> wrong =
            line.wrong.isEmpty() || !spec.kind().readsWrong()
                ? List.of()
                : List.of("#" + line.fact(lens.model(), line.wrong).answer());
        String where = " of " + line.subject;
        MetricSpec.Bound bound =
            spec.bind(lens.model(), List.of("#" + fact.answer()), wrong, where);
        bound.requireDifferent(where);
        Metric metric = bound.metric(lens, fact.tokens());
        if (metric.positions() > 1) {
          throw new InvalidInputException(
              "metric", spec.answers().getFirst(), "answers of facts are single tokens");
        }
        metrics.put(fact, metric);
      }
      return metrics;
    }

    /**
     * Returns the facts with a false answer each: that of the next fact with the same prompt and
     * another answer.
     */
    List<Contradicted> contradicted() {
      List<Contradicted> found = new ArrayList<>();
      for (int i = 0; i < lines.size(); i++) {
        Line line = lines.get(i);
        for (int k = 1; k < lines.size(); k++) {
          Line other = lines.get((i + k) % lines.size());
          if (other.prompt.equals(line.prompt) && !other.answer.equals(line.answer)) {
            found.add(new Contradicted(line, other.answer));
            break;
          }
        }
      }
      if (found.isEmpty()) {
        throw new CommandException("no two facts have the same prompt and different answers");
      }
      return found;
    }

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
    List<List<String>> rows = TabbedLines.read(file, 3, 4, "a subject, a prompt and an answer");
    if (limit != null) {
      UsageException.requireAtLeast("--limit", limit, 1);
    }
    List<Line> lines = new ArrayList<>();
    List<Fact> facts = new ArrayList<>();
    for (List<String> row : rows) {
      if (limit != null && facts.size() == limit) {
        break;
      }
      var line = new Line(row.get(0), row.get(1), row.get(2), row.get(3));
      Fact fact = line.fact(lens.model(), line.answer);
      if (all || fact.isKnown(lens)) {
        lines.add(line);
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
