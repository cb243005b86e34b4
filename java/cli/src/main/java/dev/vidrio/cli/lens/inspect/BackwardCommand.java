package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.decode.VocabularyProjection.Score;
import dev.vidrio.lens.inspect.BackwardLens;
import dev.vidrio.lens.inspect.BackwardLens.Matrix;
import dev.vidrio.lens.inspect.BackwardLens.MatrixGradient;
import dev.vidrio.lens.page.Grid;
import dev.vidrio.lens.page.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens backward}. */
@Command(
    name = "backward",
    description = {
      "The backward lens: reads the gradients of weight matrices as tokens.",
      "The gradient of a matrix, of the log-probability of the next token or of another --metric,"
          + " is a sum over the tokens of the text, of an input times an error. Per layer and"
          + " matrix: the norm of the gradient, the token with the largest product and its share of"
          + " the sum of the products' norms, and the tokens that its vector in the residual stream"
          + " stands for: what a step of learning adds to the stream (out, o), or the input that it"
          + " imprints on the matrix (in, gate, q, k, v)."
    })
public final class BackwardCommand extends TextCommand<BackwardCommand.Found> {
  private static final int LINE = 96;

  /** The command, for errors about metrics without a gradient. */
  private static final String METHOD = "lens backward";

  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();

  @Option(
      names = "--matrices",
      paramLabel = "NAMES",
      split = ",",
      description = "${COMPLETION-CANDIDATES}, separated by commas. Default: in,out.")
  private List<Matrix> matrices = List.of(Matrix.IN, Matrix.OUT);

  @Option(
      names = "--layers",
      paramLabel = "N,N",
      split = ",",
      description = "Layers to show; negative numbers count from the end. Default: all.")
  private List<Integer> layers = List.of();

  @Option(names = "--top", paramLabel = "K", description = "Tokens per vector.")
  private int top = 6;

  /**
   * The gradients of the matrices.
   *
   * @param measured the text and the metric
   * @param words the tokens of each gradient's vectors, by token of the text
   */
  record Found(Measured measured, List<MatrixGradient> gradients, List<List<List<Score>>> words) {}

  @Override
  protected void check() {
    super.check();
    metric.requireGradient(METHOD, true);
  }

  @Override
  protected Found run(Lens lens, int[] given) {
    Measured measured = target.of(lens, given, metric, MetricKind.LOGPROB);
    int[] text = use(measured.text());
    Set<Integer> shown =
        layers.stream()
            .map(layer -> LayerNumber.of(lens.model(), layer))
            .collect(Collectors.toSet());
    List<MatrixGradient> gradients =
        BackwardLens.of(lens, text, measured.differentiable(METHOD), matrices).stream()
            .filter(gradient -> shown.isEmpty() || shown.contains(gradient.layer()))
            .toList();
    List<float[]> vectors = new ArrayList<>();
    for (MatrixGradient gradient : gradients) {
      for (int i = 0; i < text.length; i++) {
        vectors.add(gradient.readable(i));
      }
    }
    List<List<Score>> words =
        VocabularyProjection.written(lens, vectors.toArray(float[][]::new), top);
    List<List<List<Score>>> byGradient = new ArrayList<>();
    for (int from = 0; from < words.size(); from += text.length) {
      byGradient.add(List.copyOf(words.subList(from, from + text.length)));
    }
    return new Found(measured, gradients, byGradient);
  }

  /** Returns the token with the largest outer product. */
  private static int largest(MatrixGradient gradient) {
    return IntStream.range(0, gradient.tokens())
        .boxed()
        .max(Comparator.comparingDouble(gradient::length))
        .orElseThrow();
  }

  private static double share(MatrixGradient gradient, int i) {
    double sum = IntStream.range(0, gradient.tokens()).mapToDouble(gradient::length).sum();
    return sum > 0 ? gradient.length(i) / sum : 0;
  }

  private static String name(Matrix matrix) {
    return matrix.name().toLowerCase(Locale.ROOT);
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "gradient of %s with respect to weights%n"
            + "‖G‖ is its norm, %% the largest token's share; out and o: what a step adds to the"
            + " stream, others: the input%n",
        found.measured.name());
    String fixed = "%5s %-6s %9s  %-14s %3s  ";
    System.out.printf(fixed + "%s%n", "layer", "matrix", "‖G‖", "token", "%", "words");
    int room = LINE - fixed.formatted("", "", "", "", "").length();
    for (int g = 0; g < found.gradients.size(); g++) {
      MatrixGradient gradient = found.gradients.get(g);
      int i = largest(gradient);
      List<Integer> words = found.words.get(g).get(i).stream().map(Score::token).toList();
      String line =
          fixed.formatted(
              gradient.layer(),
              name(gradient.matrix()),
              "%.3g".formatted(gradient.norm()),
              i + " " + TokenText.column(model(), tokens()[i], 11),
              "%.0f".formatted(100 * share(gradient, i)));
      System.out.println((line + TokenText.column(model(), words, room)).stripTrailing());
    }
    Hint.print("-o FILE.html shows all tokens of the text; --json has their words.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    List<JsonObject> rows = new ArrayList<>();
    for (int g = 0; g < found.gradients.size(); g++) {
      MatrixGradient gradient = found.gradients.get(g);
      List<JsonObject> parts = new ArrayList<>();
      for (int i = 0; i < gradient.tokens(); i++) {
        List<JsonObject> words =
            found.words.get(g).get(i).stream()
                .map(score -> TokenText.toJson(model(), score.token()).with("score", score.value()))
                .toList();
        parts.add(new JsonObject().with("length", gradient.length(i)).with("words", words));
      }
      rows.add(
          new JsonObject()
              .with("layer", gradient.layer())
              .with("matrix", name(gradient.matrix()))
              .with("norm", gradient.norm())
              .with("tokens", parts));
    }
    object.with("tokens", tokens());
    found.measured.fill(object);
    object.with("gradients", rows);
  }

  @Override
  protected List<? extends View> views(Found found) {
    List<View> views = new ArrayList<>();
    List<String> columns =
        Arrays.stream(tokens()).mapToObj(token -> TokenText.of(model(), token)).toList();
    for (Matrix matrix : Matrix.values()) {
      List<Integer> rows =
          IntStream.range(0, found.gradients.size())
              .filter(g -> found.gradients.get(g).matrix() == matrix)
              .boxed()
              .toList();
      if (!rows.isEmpty()) {
        views.add(grid(found, matrix, rows, columns));
      }
    }
    return views;
  }

  private Grid grid(Found found, Matrix matrix, List<Integer> rows, List<String> columns) {
    List<List<Grid.Cell>> cells = new ArrayList<>();
    var lengths = new double[rows.size()][columns.size()];
    for (int r = 0; r < rows.size(); r++) {
      List<Grid.Cell> row = new ArrayList<>();
      for (int i = 0; i < columns.size(); i++) {
        lengths[r][i] = found.gradients.get(rows.get(r)).length(i);
        List<String> words =
            found.words.get(rows.get(r)).get(i).stream()
                .map(score -> TokenText.of(model(), score.token()))
                .toList();
        row.add(new Grid.Cell(words.getFirst(), words));
      }
      cells.add(row);
    }
    String side = matrix.writes() ? "what a step adds to the stream" : "the input of the matrix";
    return new Grid(
        "Gradient of " + name(matrix),
        "By layer and token of the text: the norm of the outer product in the gradient of "
            + found.measured.name()
            + ", and the tokens of "
            + side
            + ".",
        "layer",
        "token",
        rows.stream().map(g -> Integer.toString(found.gradients.get(g).layer())).toList(),
        columns,
        List.of(Grid.Measure.of("norm", Grid.Scale.SEQUENTIAL, lengths)),
        cells);
  }
}
