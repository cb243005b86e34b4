package dev.vidrio.cli.lens.attribute;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.lens.attribute.AnswerAttribution;
import dev.vidrio.lens.attribute.TokenSpan;
import dev.vidrio.lens.page.Grid;
import dev.vidrio.lens.page.Grid.Measure;
import dev.vidrio.lens.page.Grid.Scale;
import dev.vidrio.lens.page.TokenValues;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Shows an attribution of spans: as text, JSON, tensors and pictures. */
final class AttributionTable {
  private static final int LEAST_TEXT = 16;
  private static final int MOST_TEXT = 44;

  private final Model model;
  private final int[] tokens;
  private final AnswerAttribution attribution;

  AttributionTable(Model model, int[] tokens, AnswerAttribution attribution) {
    this.model = model;
    this.tokens = tokens;
    this.attribution = attribution;
  }

  /** Returns the position of a token, or the range of a span. */
  static String position(TokenSpan span) {
    return span.length() == 1 ? Integer.toString(span.from()) : span.from() + ":" + span.to();
  }

  private String quoted(TokenSpan span) {
    return Escapes.quote(span.text(model.tokenizer(), tokens));
  }

  private int textWidth(List<TokenSpan> spans) {
    return textWidth(spans.stream().map(this::quoted));
  }

  /** Returns the columns of quoted texts. */
  static int textWidth(Stream<String> quoted) {
    return Math.clamp(quoted.mapToInt(String::length).max().orElse(0), LEAST_TEXT, MOST_TEXT);
  }

  /** Returns the columns of positions. */
  static int width(List<TokenSpan> spans) {
    return Math.max(4, spans.stream().mapToInt(span -> position(span).length()).max().orElse(0));
  }

  /**
   * Prints the inputs and their scores, with bars.
   *
   * @param name of an input
   * @param halfWidths of 95 % intervals; empty for none
   */
  void printInputs(String name, List<Double> scores, List<Double> halfWidths) {
    List<TokenSpan> spans = attribution.inputs();
    String format = "%" + width(spans) + "s %s %+9.3f%s  %s%n";
    String interval = halfWidths.isEmpty() ? "" : "  ±95 %";
    int text = textWidth(spans);
    System.out.printf(
        "%" + width(spans) + "s %-" + text + "s %9s%s%n", "pos", name, "score", interval);
    double greatest = scores.stream().mapToDouble(Math::abs).max().orElse(0);
    for (int i = 0; i < spans.size(); i++) {
      double score = scores.get(i);
      String quoted = TokenText.column(quoted(spans.get(i)), text);
      double share = score / Math.max(greatest, Double.MIN_NORMAL);
      System.out.printf(
          format,
          position(spans.get(i)),
          Terminal.OUT.isTerminal() ? Heat.signed(quoted, share) : quoted,
          score,
          halfWidths.isEmpty() ? "" : String.format(" %6.3f", halfWidths.get(i)),
          TextBar.of(share, 1));
    }
  }

  /**
   * Prints a line per token or span of the answer.
   *
   * @param name of an output
   * @param top number of scores per line, of the largest magnitudes
   */
  void printOutputs(String name, int top) {
    List<TokenSpan> outputs = attribution.outputs();
    int width = width(outputs);
    int textWidth = textWidth(outputs);
    System.out.printf(
        "%" + width + "s %-" + textWidth + "s %8s %8s  %s%n",
        "pos",
        name,
        "value",
        "sum",
        "largest scores");
    for (int i = 0; i < outputs.size(); i++) {
      List<Double> row = attribution.scores().get(i);
      String largest =
          IntStream.range(0, row.size())
              .boxed()
              .filter(j -> !Double.isNaN(row.get(j)))
              .sorted(Comparator.comparingDouble(j -> -Math.abs(row.get(j))))
              .limit(Math.max(0, top))
              .map(j -> cell(attribution.inputs().get(j), row.get(j)))
              .collect(Collectors.joining("  "));
      System.out.printf(
          "%" + width + "s %s %8.3f %+8.3f  %s%n",
          position(outputs.get(i)),
          TokenText.column(quoted(outputs.get(i)), textWidth),
          attribution.values().get(i),
          attribution.sum(i),
          largest);
    }
  }

  private String cell(TokenSpan input, double score) {
    String text = TokenText.column(quoted(input), LEAST_TEXT).stripTrailing();
    return String.format("%s %s %+.3f", position(input), text, score);
  }

  /** Adds the matrix to a JSON object; numbers that do not exist are null. */
  void fill(JsonObject object) {
    object.with("inputs", ranges(attribution.inputs())).with("input_texts", texts(true));
    object.with("outputs", ranges(attribution.outputs())).with("output_texts", texts(false));
    object.put("values", attribution.values());
    if (attribution.explained().stream().noneMatch(value -> Double.isNaN(value))) {
      object.put("explained", attribution.explained());
    }
    object.put("scores", finite(attribution.scores()));
    object.put("totals", finite(List.of(attribution.totals())).getFirst());
  }

  private List<String> texts(boolean ofInputs) {
    return (ofInputs ? attribution.inputs() : attribution.outputs())
        .stream()
            .map(span -> span.to() > tokens.length ? "" : span.text(model.tokenizer(), tokens))
            .toList();
  }

  private static List<List<Integer>> ranges(List<TokenSpan> spans) {
    return spans.stream().map(span -> List.of(span.from(), span.to())).toList();
  }

  /** Replaces NaN by null. */
  static List<List<@Nullable Double>> finite(List<List<Double>> rows) {
    List<List<@Nullable Double>> result = new ArrayList<>();
    for (List<Double> row : rows) {
      List<@Nullable Double> cells = new ArrayList<>();
      row.forEach(value -> cells.add(Json.finite(value)));
      result.add(cells);
    }
    return result;
  }

  /** Returns the pictures: the matrix, and the text colored by totals. */
  List<View> views(String title, String note, boolean matrix) {
    List<View> views = new ArrayList<>();
    if (matrix) {
      double[][] values =
          attribution.scores().stream()
              .map(row -> row.stream().mapToDouble(Double::doubleValue).toArray())
              .toArray(double[][]::new);
      views.add(
          Grid.heatMap(
              title,
              note,
              "answer",
              labels(attribution.outputs()),
              "input",
              labels(attribution.inputs()),
              List.of(Measure.of("score", Scale.DIVERGING, values))));
    }
    views.add(
        new TokenValues(
            matrix ? "The whole answer" : title,
            matrix ? "Scores of inputs, added up over the answer." : note,
            texts(true),
            attribution.totals().stream().map(v -> Double.isNaN(v) ? 0.0 : v).toList()));
    return views;
  }

  private List<String> labels(List<TokenSpan> spans) {
    return spans.stream()
        .map(span -> position(span) + " " + span.text(model.tokenizer(), tokens))
        .toList();
  }

  /**
   * Writes {@code scores} [outputs, inputs] f32 with NaN for inputs not before the output, {@code
   * values} [outputs] f32, {@code inputs} and {@code outputs} [spans, 2] i32, and {@code tokens}.
   */
  void write(Path file, String modelName, String method) throws IOException {
    List<TokenSpan> inputs = attribution.inputs();
    List<TokenSpan> outputs = attribution.outputs();
    List<Entry> entries =
        List.of(
            new Entry("scores", Dtype.F32, List.of((long) outputs.size(), (long) inputs.size())),
            new Entry("values", Dtype.F32, List.of((long) outputs.size())),
            new Entry("inputs", Dtype.I32, List.of((long) inputs.size(), 2L)),
            new Entry("outputs", Dtype.I32, List.of((long) outputs.size(), 2L)),
            new Entry("tokens", Dtype.I32, List.of((long) tokens.length)));
    Map<String, String> metadata = Map.of("model", modelName, "method", method);
    try (var writer = SafetensorsWriter.create(file, entries, metadata);
        Arena arena = Arena.ofConfined()) {
      for (List<Double> row : attribution.scores()) {
        writer.write("scores", floats(row));
      }
      writer.write("values", floats(attribution.values()));
      writer.write("inputs", arena.allocateFrom(JAVA_INT, flat(inputs)));
      writer.write("outputs", arena.allocateFrom(JAVA_INT, flat(outputs)));
      writer.write("tokens", arena.allocateFrom(JAVA_INT, tokens));
      writer.finish();
    }
  }

  private static float[] floats(List<Double> values) {
    var floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i).floatValue();
    }
    return floats;
  }

  private static int[] flat(List<TokenSpan> spans) {
    return spans.stream().flatMapToInt(span -> IntStream.of(span.from(), span.to())).toArray();
  }
}
