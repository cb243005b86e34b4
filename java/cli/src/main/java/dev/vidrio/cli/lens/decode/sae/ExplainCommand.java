package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.ApiUrl;
import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.ModelHelp;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.cli.option.PrecisionOption;
import dev.vidrio.cli.option.ServedCommand;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.formats.file.CreatedDirectories;
import dev.vidrio.lens.decode.sae.explain.ChatModel;
import dev.vidrio.lens.decode.sae.explain.ClassificationScore;
import dev.vidrio.lens.decode.sae.explain.ExplainOptions;
import dev.vidrio.lens.decode.sae.explain.ExplanationFile;
import dev.vidrio.lens.decode.sae.explain.ExplanationRun;
import dev.vidrio.lens.decode.sae.explain.FeatureExplanation;
import dev.vidrio.lens.decode.sae.explain.FeatureExplanation.Scores;
import dev.vidrio.lens.decode.sae.index.IndexFile;
import dev.vidrio.model.Model;
import dev.vidrio.server.command.LensCommands;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vidrio lens sae explain}. */
@Command(
    name = "explain",
    description = {
      "Explains features in words by a chat model, from the examples of an index that 'lens sae"
          + " index' has written. -m names a model, which runs in this process; --url a server with"
          + " OpenAI's API, such as 'vidrio serve'.",
      "Scores are balanced accuracies; 0.5 is chance. Detection: does the model find other"
          + " texts with the feature by the explanation? Fuzzing: does it find wrong marks? other:"
          + " the same with the explanation of another feature.",
      "Results are added to explanations.jsonl in the directory one by one, and an interrupted"
          + " command continues there when it runs again."
    })
@ModelHelp(
    "The chat model that explains: a GGUF file, a Hugging Face directory, a name (see 'vidrio"
        + " list'), hf:OWNER/REPO[:QUANT], or hf:OWNER/REPO/FILE. With --url, its id there; by"
        + " default, the server's first.")
final class ExplainCommand implements Callable<Integer>, ServedCommand {
  /** The name of the file of explanations. */
  private static final String FILE = "explanations.jsonl";

  /** Maximum context length for clients of the server. */
  private static final int SERVED_CONTEXT = 4096;

  private static final Duration PAUSE = Duration.ofSeconds(1);

  private static final List<String> OF_SERVER = List.of("--key-variable", "--timeout");

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private PrecisionOption precision = new PrecisionOption();

  @Spec private CommandSpec command = CommandSpec.create();

  @Parameters(paramLabel = "DIRECTORY", description = "An index, written by 'lens sae index -o'.")
  private Path directory = Path.of("");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIRECTORY",
      description = "Directory of the explanations and pages. Default: that of the index.")
  private @Nullable Path output;

  @Option(
      names = "--url",
      paramLabel = "URL",
      description = "Address of a server that explains; /v1 is added if it has no path.")
  private @Nullable String url;

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description = "Context length in tokens. Default: the model's, at most 4096.")
  private int context;

  @Option(
      names = "--key-variable",
      paramLabel = "NAME",
      description = "Environment variable with the API key, if the server requires one.")
  private String keyVariable = "VIDRIO_API_KEY";

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "Time limit of a request to the server.")
  private int timeout = 600;

  @Option(
      names = "--features",
      paramLabel = "LIST",
      description = "Features to explain, such as 3,17,40-59. Default: --count of them at random.")
  private @Nullable String features;

  @Option(names = "--count", paramLabel = "N", description = "Number of random active features.")
  private int count = 10;

  @Option(
      names = "--shown",
      paramLabel = "N",
      description = "Examples to explain: half the largest activations, half of all quantiles.")
  private int shown = ExplainOptions.DEFAULT.shown();

  @Option(
      names = "--tested",
      paramLabel = "N",
      description =
          "Examples of each score, from other texts; as many without the feature are added.")
  private int tested = ExplainOptions.DEFAULT.tested();

  @Option(names = "--batch", paramLabel = "N", description = "Tested texts of a request.")
  private int batch = ExplainOptions.DEFAULT.batch();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the choice of features and examples.")
  private long seed;

  @Option(
      names = "--requests",
      paramLabel = "N",
      description =
          "Maximum number of requests. The work ends before a feature that may need more.")
  private int requests = 1000;

  @Option(
      names = "--no-scores",
      showDefaultValue = Help.Visibility.NEVER,
      description = "Do not score the explanations.")
  private boolean withoutScores;

  @Option(
      names = "--no-pages",
      showDefaultValue = Help.Visibility.NEVER,
      description = "Do not write the pages of the index again, with the explanations.")
  private boolean withoutPages;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /** Features of an index. */
  private record Chosen(IndexFile index, Set<Integer> features) {}

  /** The explanations of the chosen features. */
  private record Explained(
      ExplanationFile.Settings settings,
      List<FeatureExplanation> features,
      int requests,
      boolean complete) {
    long malformed() {
      return features.stream().filter(result -> result.text().isEmpty()).count();
    }
  }

  @Override
  public Integer call() throws IOException {
    ExplainOptions options = options();
    Explained explained =
        url == null ? explainInProcess(options) : explainByServer(options, ApiUrl.parse(url));
    if (json) {
      Json.print(toJson(explained));
    } else {
      print(explained);
    }
    return 0;
  }

  @Override
  public Object call(Model served, String name, LensCommands.Models others) throws IOException {
    return toJson(explainServed(served, name));
  }

  @Override
  public void callForFiles(Model served, String name, LensCommands.Models others)
      throws IOException {
    var _ = explainServed(served, name);
  }

  private ExplainOptions options() {
    UsageException.requireAtLeast("--timeout", timeout, 1);
    UsageException.requireAtLeast("--requests", requests, 1);
    UsageException.requireAtLeast("--count", count, 1);
    return OptionValues.of(() -> new ExplainOptions(shown, tested, batch, seed));
  }

  private EngineOptions engine() {
    return OptionValues.of(() -> EngineOptions.DEFAULT.withContext(context))
        .withKvType(precision.kvType())
        .withArithmetic(precision.arithmetic());
  }

  private Explained explainInProcess(ExplainOptions options) throws IOException {
    if (!model.isGiven()) {
      throw new UsageException("needs a model that explains: -m MODEL, or --url URL of a server");
    }
    requireNone(OF_SERVER, "requires --url");
    EngineOptions engine = engine();
    Chosen chosen = choose();
    try (Model opened = model.open();
        var chat = new EngineChat(opened, engine)) {
      return explain(chosen, chat, ModelOption.shortName(model.reference()), options);
    }
  }

  private Explained explainServed(Model served, String name) throws IOException {
    ExplainOptions options = options();
    if (context > SERVED_CONTEXT) {
      throw new UsageException(
          "--context %d: must be at most %d".formatted(context, SERVED_CONTEXT));
    }
    EngineOptions engine = engine();
    Chosen chosen = choose();
    try (var chat = new EngineChat(served, engine)) {
      return explain(chosen, chat, name, options);
    }
  }

  private Explained explainByServer(ExplainOptions options, ApiUrl server) throws IOException {
    requireNone(ofProcess(), "not supported with --url, since the server runs the model");
    String id = model.isGiven() ? model.reference() : null;
    String key = System.getenv(keyVariable);
    Chosen chosen = choose();
    try (var chat = new OpenAiChat(server, id, key, Duration.ofSeconds(timeout), PAUSE)) {
      return explain(chosen, chat, chat.model(), options);
    }
  }

  /** Returns the names of the options of a model in this process, without that of the model. */
  private List<String> ofProcess() {
    Stream<String> mixed =
        Stream.of("model", "precision")
            .flatMap(
                field -> Objects.requireNonNull(command.mixins().get(field)).options().stream())
            .map(OptionSpec::longestName)
            .filter(name -> !name.equals("--model"));
    return Stream.concat(mixed, Stream.of("--context")).toList();
  }

  /** Rejects options for the other kind of model. */
  private void requireNone(List<String> names, String reason) {
    for (String name : names) {
      if (command.commandLine().getParseResult().hasMatchedOption(name)) {
        throw new UsageException(name + ": " + reason);
      }
    }
  }

  /** Opens the index, and chooses features before the model is opened. */
  private Chosen choose() {
    IndexFile index = IndexFile.open(directory.resolve(IndexCommand.FILE));
    InputOutput.requireWritableDirectory(written());
    return new Chosen(index, features == null ? random(index) : list(index));
  }

  /** Returns the directory of the results. */
  private Path written() {
    return Objects.requireNonNullElse(output, directory);
  }

  /** Explains and scores the chosen features, and writes the pages. */
  private Explained explain(Chosen chosen, ChatModel chat, String explainer, ExplainOptions options)
      throws IOException {
    try (var _ = CreatedDirectories.of(written())) {
      return explain(chosen, chat, explainer, options, written().resolve(FILE));
    }
  }

  private Explained explain(
      Chosen chosen, ChatModel chat, String explainer, ExplainOptions options, Path results)
      throws IOException {
    IndexFile index = chosen.index;
    Set<Integer> numbers = chosen.features;
    var settings =
        new ExplanationFile.Settings(
            index.header().dictionary(), index.header().tokens(), explainer, options);
    ExplanationFile file = ExplanationFile.open(results, settings);
    boolean complete;
    int sent;
    try (var bar = new ProgressBar("explaining")) {
      var run =
          new ExplanationRun(
              index,
              file,
              chat,
              options,
              requests,
              at -> bar.update(at / (double) requests(numbers.size(), options), at + " requests"));
      complete = explain(run, numbers);
      sent = run.requests();
    } catch (IOException e) {
      throw new CommandException(
          "%s; %d explanations are in %s, and the command continues there when it runs again"
              .formatted(InputOutput.reason(e), file.explanations().size(), results),
          e);
    }
    if (!withoutPages) {
      FeaturePages.write(written(), index, file.explanations());
    }
    return new Explained(settings, results(file, numbers), sent, complete);
  }

  /** Returns the maximum number of requests for some features. */
  private int requests(int number, ExplainOptions options) {
    return Math.min(requests, number * (withoutScores ? 1 : 1 + 4 * options.requestsPerScore()));
  }

  private boolean explain(ExplanationRun run, Set<Integer> chosen) throws IOException {
    return run.explain(chosen) && (withoutScores || run.score(chosen));
  }

  /** Returns random features that are active. */
  private Set<Integer> random(IndexFile index) {
    List<Integer> active = new ArrayList<>();
    index.records(
        feature -> {
          if (feature.active() > 0) {
            active.add(feature.feature());
          }
        });
    Collections.shuffle(active, new Random(seed));
    return new TreeSet<>(active.subList(0, Math.min(count, active.size())));
  }

  private Set<Integer> list(IndexFile index) {
    Set<Integer> chosen = new TreeSet<>();
    for (String part : Objects.requireNonNull(features).split(",", -1)) {
      if (!part.matches("\\d{1,9}(-\\d{1,9})?")) {
        throw new UsageException("--features " + features + ": must be written as 3,17,40-59");
      }
      String[] ends = part.split("-", -1);
      int from = Integer.parseInt(ends[0]);
      int to = Integer.parseInt(ends[ends.length - 1]);
      if (from > to || to >= index.header().features()) {
        throw new UsageException(
            "--features %s: must be 0 to %d".formatted(part, index.header().features() - 1));
      }
      for (int f = from; f <= to; f++) {
        chosen.add(f);
      }
    }
    return chosen;
  }

  private static List<FeatureExplanation> results(ExplanationFile file, Set<Integer> chosen) {
    return chosen.stream()
        .filter(file.explanations()::containsKey)
        .map(file.explanations()::get)
        .toList();
  }

  private static JsonObject toJson(Explained explained) {
    return new JsonObject()
        .with("dictionary", explained.settings.dictionary())
        .with("explainer", explained.settings.explainer())
        .with("requests", explained.requests)
        .with("complete", explained.complete)
        .with("malformed", explained.malformed())
        .with("features", explained.features.stream().map(ExplainCommand::toJson).toList());
  }

  private void print(Explained explained) {
    List<FeatureExplanation> results = explained.features;
    System.out.println("          detection     fuzzing");
    System.out.println("feature   own other    own other  explanation");
    for (FeatureExplanation result : results) {
      Scores scores = result.scores();
      System.out.printf(
          "#%-6d%s  %s%n",
          result.feature(),
          scores == null ? " ".repeat(25) : row(List.of(scores), ExplainCommand::accuracy),
          result.text().isEmpty() ? "(malformed answer)" : Escapes.shown(result.text()));
    }
    List<Scores> scored =
        results.stream().map(FeatureExplanation::scores).filter(Objects::nonNull).toList();
    if (!scored.isEmpty()) {
      System.out.printf("mean   %s%n", row(scored, ExplainCommand::accuracy));
    }
    if (scored.stream().anyMatch(score -> score.detection().area() != null)) {
      System.out.printf("AUC    %s%n", row(scored, ExplainCommand::area));
    }
    System.out.printf(
        "%d explanations by %s, %d malformed; %d of %d answers to texts malformed; %d requests%n",
        results.size() - explained.malformed(),
        explained.settings.explainer(),
        explained.malformed(),
        scored.stream().mapToInt(Scores::failed).sum(),
        scored.stream().mapToInt(Scores::texts).sum(),
        explained.requests);
    if (!explained.complete) {
      System.out.println("ended by --requests " + requests + "; run again to continue");
    }
  }

  /** A measure of a score; none if it has no value. */
  private interface Measure extends Function<ClassificationScore, Stream<Double>> {}

  private static Stream<Double> accuracy(ClassificationScore score) {
    return score.classified() > 0 ? Stream.of(score.accuracy()) : Stream.empty();
  }

  private static Stream<Double> area(ClassificationScore score) {
    return Stream.ofNullable(score.area());
  }

  /** Returns the means of a measure of four scores. */
  private static String row(List<Scores> scores, Measure measure) {
    return mean(scores, Scores::detection, measure)
        + mean(scores, Scores::otherDetection, measure)
        + " "
        + mean(scores, Scores::fuzzing, measure)
        + mean(scores, Scores::otherFuzzing, measure);
  }

  private static String mean(
      List<Scores> scores, Function<Scores, ClassificationScore> selected, Measure measure) {
    OptionalDouble mean =
        scores.stream().map(selected).flatMap(measure).mapToDouble(value -> value).average();
    return mean.isEmpty() ? "     -" : "%6.2f".formatted(mean.getAsDouble());
  }

  private static JsonObject toJson(FeatureExplanation result) {
    JsonObject object =
        new JsonObject().with("feature", result.feature()).with("explanation", result.text());
    Scores scores = result.scores();
    if (scores != null) {
      object.put("detection", toJson(scores.detection()));
      object.put("fuzzing", toJson(scores.fuzzing()));
      object.put("other", scores.other());
      object.put("other_detection", toJson(scores.otherDetection()));
      object.put("other_fuzzing", toJson(scores.otherFuzzing()));
    }
    return object;
  }

  private static JsonObject toJson(ClassificationScore score) {
    return new JsonObject()
        .with("true_positives", score.truePositives())
        .with("true_negatives", score.trueNegatives())
        .with("false_positives", score.falsePositives())
        .with("false_negatives", score.falseNegatives())
        .with("failed", score.failed())
        .with("accuracy", score.classified() == 0 ? null : (Double) score.accuracy())
        .with("f1", score.f1())
        .with("auc", score.area());
  }
}
