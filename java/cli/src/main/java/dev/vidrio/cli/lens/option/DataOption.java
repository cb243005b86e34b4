package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.dataset.PairFile;
import dev.vidrio.lens.dataset.PairText;
import dev.vidrio.lens.numeric.Estimate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** The option of a data set, for commands that also accept one text. */
public final class DataOption {
  private static final List<String> OTHERS =
      List.of("--prompt", "--file", "--ids", "--token", "--versus");

  @Option(
      names = "--pairs",
      paramLabel = "FILE",
      description = {
        "A data set instead of one text, as of 'vidrio lens dataset': each clean text with its"
            + " answers. Results are means with 95 %% intervals."
      })
  private @Nullable Path file;

  /** Returns whether a data set is given. */
  public boolean isGiven() {
    return file != null;
  }

  /** Rejects options of a single text. */
  public void check(CommandSpec command) {
    if (file == null) {
      return;
    }
    for (String other : OTHERS) {
      if (command.commandLine().getParseResult().hasMatchedOption(other)) {
        throw new UsageException(other + ": cannot be combined with --pairs");
      }
    }
  }

  /** Reads a data set; {@code -} is standard input. */
  public static List<PairText> read(Path file, MetricSpec metric) {
    boolean standard = file.toString().equals("-");
    String text = standard ? InputOutput.readStandardInput() : InputOutput.read(file);
    return PairFile.parse(standard ? "standard input" : file.toString(), text, metric);
  }

  /** Reads the given data set. */
  public List<PairText> read(MetricSpec metric) {
    return read(Objects.requireNonNull(file), metric);
  }

  /**
   * Computes a result for the clean text of each pair.
   *
   * @param cut selects the part of a text to run
   */
  public <X> List<X> each(
      Lens lens, MetricSpec metric, Function<int[], int[]> cut, Function<Measured, X> result) {
    List<X> results = new ArrayList<>();
    List<PairText> pairs = read(metric);
    for (int i = 0; i < pairs.size(); i++) {
      PairText pair = pairs.get(i);
      MetricSpec.Bound bound =
          metric.bind(lens.model(), pair.answers(), pair.wrong(), " of line " + (i + 1));
      int[] text = cut.apply(lens.model().tokenizer().encode(pair.clean()));
      results.add(result.apply(Measured.of(lens, bound, text)));
    }
    return results;
  }

  /**
   * Returns the means of the rows of several texts.
   *
   * @param what the columns, for errors: effects by position need texts of equal length
   */
  public static List<Estimate> means(List<List<Double>> rows, String what) {
    int width = rows.getFirst().size();
    for (List<Double> row : rows) {
      if (row.size() != width) {
        throw new InvalidInputException(
            "texts", width + " and " + row.size() + " tokens", what + " needs texts of one length");
      }
    }
    return IntStream.range(0, width)
        .mapToObj(i -> Estimate.of(rows.stream().mapToDouble(row -> row.get(i)).toArray()))
        .toList();
  }

  /** Returns the means of estimates. */
  public static List<Double> values(List<Estimate> estimates) {
    return estimates.stream().map(Estimate::mean).toList();
  }

  /** Adds half the widths of intervals, if there are some, to a JSON object. */
  public static void fill(JsonObject object, int texts, List<Estimate> means) {
    object.put("texts", texts);
    object.put("half_widths", HalfWidths.json(means.stream().map(Estimate::halfWidth).toList()));
  }
}
