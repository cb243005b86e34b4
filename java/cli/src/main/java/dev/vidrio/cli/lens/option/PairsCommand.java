package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.PairMeasure;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.dataset.PairText;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * A lens command on clean and corrupted texts: one pair, or those of a file.
 *
 * @param <R> the result
 */
public abstract class PairsCommand<R> extends PageCommand<R> {
  /**
   * A pair of texts, and the tokens of its metric.
   *
   * @param pair the texts and the metric
   * @param metric the metric's kind and tokens
   */
  public record Judged(TextPair pair, MetricSpec.Bound metric) {
    /** Returns the only answer; rejects sets. */
    public int answer() {
      return only("answer", metric.answers());
    }

    /** Returns the only wrong answer; rejects sets. */
    public int wrong() {
      return only("wrong answer", metric.wrong());
    }

    private static int only(String field, List<Integer> tokens) {
      if (tokens.size() != 1) {
        throw new InvalidInputException(field, tokens.size() + " tokens", "must be a single one");
      }
      return tokens.getFirst();
    }
  }

  /** The mutually exclusive sources. */
  private static final class Source {
    @ArgGroup(exclusive = false)
    private @Nullable One one;

    @Option(
        names = "--pairs",
        paramLabel = "FILE",
        description =
            "A file with a pair on each line: the values of --clean, --corrupt, --answer and"
                + " --wrong, separated by tab characters, or JSON as of 'vidrio lens dataset'."
                + " Results are means over the pairs.")
    private @Nullable Path file;
  }

  /** A pair on the command line. */
  private static final class One {
    @Option(
        names = "--clean",
        paramLabel = "TEXT",
        required = true,
        description = "The text with the right answer.")
    private String clean = "";

    @Option(
        names = "--corrupt",
        paramLabel = "TEXT",
        required = true,
        description = "A text with the same number of tokens and a wrong answer.")
    private String corrupt = "";

    @Option(
        names = "--answer",
        paramLabel = "TOKEN",
        description =
            "The right next token of the clean text, as text or #N; several with commas if --metric"
                + " reads a set.")
    private @Nullable String answer;

    @Option(names = "--wrong", paramLabel = "TOKEN", description = "The token to contrast it with.")
    private @Nullable String wrong;
  }

  @ArgGroup(multiplicity = "1")
  private Source source = new Source();

  @Mixin private MetricOption metricOption = new MetricOption();

  private List<Judged> judged = List.of();
  private @Nullable PairMeasure measure;

  /**
   * Rejects missing answers and metrics without the gradient that the method uses.
   *
   * @throws UsageException if an option is missing or the metric does not fit
   */
  @Override
  protected void check() {
    super.check();
    MetricSpec spec = metric();
    OptionValues.of(
        () -> {
          requireMetric(spec);
          return spec;
        });
    if (source.one != null) {
      require(!spec.needsAnswers() || source.one.answer != null, "--answer", spec);
      require(!spec.needsWrong() || source.one.wrong != null, "--wrong", spec);
    }
  }

  private static void require(boolean given, String option, MetricSpec spec) {
    if (!given) {
      throw new UsageException(
          "Missing required option: '" + option + "=TOKEN' (--metric " + spec.kind().key() + ")");
    }
  }

  /**
   * Rejects metrics that the method cannot use, such as by {@link
   * MetricSpec#requireDifferentiable}; accepts all by default.
   *
   * @param spec the metric
   */
  protected void requireMetric(MetricSpec spec) {}

  /** Rejects all metrics but the logit difference, to which components contribute directly. */
  protected static void requireLogitDifference(MetricSpec spec) {
    if (spec.kind() != MetricKind.LOGIT_DIFF) {
      throw new InvalidInputException(
          "metric", spec.kind().key(), "direct effects need " + MetricKind.LOGIT_DIFF.key());
    }
  }

  /** Returns the metric. */
  protected final MetricSpec metric() {
    return metricOption.or(MetricKind.LOGIT_DIFF);
  }

  @Override
  protected final R run(Model opened) {
    Lens lens = Lens.of(opened);
    One one = source.one == null ? new One() : source.one;
    judged =
        source.file == null
            ? List.of(
                pair(
                    lens,
                    new PairText(
                        one.clean,
                        one.corrupt,
                        MetricOption.tokens(one.answer),
                        MetricOption.tokens(one.wrong)),
                    ""))
            : read(lens, source.file);
    List<TextPair> pairs = judged.stream().map(Judged::pair).toList();
    measure = pairs.size() == 1 ? null : PairMeasure.of(lens, pairs);
    return run(lens, pairs);
  }

  /** Returns the metric of both texts of each pair. */
  protected final PairMeasure measure(Lens lens, List<TextPair> pairs) {
    PairMeasure known = measure;
    return known == null ? PairMeasure.of(lens, pairs) : known;
  }

  /** Computes the result for all pairs. */
  protected abstract R run(Lens lens, List<TextPair> pairs);

  /** Returns the pairs with their answers. */
  protected final List<Judged> judged() {
    return judged;
  }

  /** Returns the clean text of a single pair, or none. */
  @Override
  protected final int[] tokens() {
    return judged.size() == 1 ? judged.getFirst().pair().clean() : new int[0];
  }

  /** Returns the name of the metric over the pairs: {@code logit difference, mean of 4 pairs}. */
  protected final String label() {
    return metric().kind().label()
        + (judged.size() == 1 ? "" : ", mean of " + judged.size() + " pairs");
  }

  /**
   * Returns the name and the metric of both texts, with 95 % intervals for several pairs: {@code
   * logit difference: clean 6.192, corrupted -5.131}.
   */
  protected final String runs(double clean, double corrupted) {
    return measure == null
        ? String.format(Locale.ROOT, "%s: clean %.3f, corrupted %.3f", label(), clean, corrupted)
        : label() + ": clean " + measure.cleanMean() + ", corrupted " + measure.corruptedMean();
  }

  /** Adds the tokens of a pair's metric to a JSON object. */
  protected static void fillMetric(JsonObject object, MetricSpec.Bound metric) {
    Measured.fill(object, metric, "answer", "wrong");
  }

  /** Adds the metric of both texts to a JSON object, with 95 % intervals for several pairs. */
  protected final void fillRuns(JsonObject object, double clean, double corrupted) {
    String name = metric().kind().field();
    object.put("metric_kind", metric().kind().key());
    object.put("clean_" + name, clean);
    object.put("corrupted_" + name, corrupted);
    if (measure != null) {
      object.put("clean_half_width", Json.finite(measure.cleanMean().halfWidth()));
      object.put("corrupted_half_width", Json.finite(measure.corruptedMean().halfWidth()));
    }
  }

  private List<Judged> read(Lens lens, Path file) {
    List<PairText> texts = DataOption.read(file, metric());
    return IntStream.range(0, texts.size())
        .mapToObj(i -> pair(lens, texts.get(i), " of line " + (i + 1)))
        .toList();
  }

  /**
   * Returns a pair.
   *
   * @param where its line, for errors
   */
  private Judged pair(Lens lens, PairText text, String where) {
    MetricSpec.Bound bound = metric().bind(lens.model(), text.answers(), text.wrong(), where);
    return new Judged(text.bind(lens, bound, where), bound);
  }
}
