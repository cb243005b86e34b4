package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.HeadMatrices;
import dev.vidrio.lens.decode.HeadMatrices.Singular;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.decode.VocabularyProjection.Score;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens weights}. */
@Command(
    name = "weights",
    description = {
      "Projects the weights of a head or a neuron onto the vocabulary.",
      "For a head: the tokens that the singular vectors of W_OV read and write; with"
          + " --token, the tokens it attends to from that token, and those it writes when"
          + " attending to it. For a neuron: the tokens whose logits it raises and lowers."
    })
public final class WeightsCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();

  @ArgGroup(multiplicity = "1")
  private UnitOption unit = new UnitOption();

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = "For a head: the query or attended token, as text or #N.")
  private @Nullable String token;

  @Option(
      names = "--vectors",
      paramLabel = "N",
      description = "For a head: pairs of singular vectors. Default: ${DEFAULT-VALUE}.")
  private int vectors = 4;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Tokens per line. Default: ${DEFAULT-VALUE}.")
  private int top = 6;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /** The mutually exclusive units. */
  private static final class UnitOption {
    @Option(names = "--head", paramLabel = "L1.H3", description = "A head.")
    private @Nullable String head;

    @Option(
        names = "--neuron",
        paramLabel = "L2.N17",
        description = "A neuron of a feed-forward block.")
    private @Nullable String neuron;
  }

  /** A vector and its nearest tokens. */
  private record Line(String label, double size, List<Score> tokens) {}

  @Override
  public Integer call() {
    try (Model opened = model.open()) {
      Lens lens = Lens.of(opened);
      List<Line> lines;
      if (unit.head == null) {
        lines = neuron(lens, String.valueOf(unit.neuron));
      } else {
        HeadName name = HeadName.parse(unit.head);
        int layer = LayerNumber.of(opened, name.layer());
        HeadMatrices head = HeadMatrices.of(lens, layer, name.head());
        lines = token == null ? singular(lens, layer, head) : circuits(lens, layer, head, token);
      }
      if (json) {
        Json.print(contents(opened, lines));
      } else {
        boolean sized = token == null && unit.head != null;
        System.out.println("%-10s %stokens".formatted("vector", sized ? "  size  " : ""));
        lines.forEach(line -> print(opened, line));
      }
    }
    return 0;
  }

  private List<Line> neuron(Lens lens, String name) {
    if (!name.matches("L\\d{1,4}\\.N\\d{1,9}")) {
      throw new InvalidInputException("neuron", name, "must be written as L2.N17");
    }
    int dot = name.indexOf('.');
    int layer = LayerNumber.of(lens.model(), Integer.parseInt(name.substring(1, dot)));
    int number = Integer.parseInt(name.substring(dot + 2));
    float[] vector = VocabularyProjection.valueVector(lens, layer, number);
    return List.of(
        new Line("raises", 1, VocabularyProjection.written(lens, vector, top)),
        new Line("lowers", 1, VocabularyProjection.written(lens, negated(vector), top)));
  }

  private List<Line> circuits(Lens lens, int layer, HeadMatrices head, String text) {
    int id = TokenText.parse(lens.model(), "token", text);
    float[] x = VocabularyProjection.embedding(lens, layer, id);
    return List.of(
        new Line("attends", 1, VocabularyProjection.read(lens, layer, head.attended(x), top)),
        new Line("writes", 1, VocabularyProjection.written(lens, head.written(x), top)));
  }

  /** Returns both signs of each pair: inputs along -u are written along -v. */
  private List<Line> singular(Lens lens, int layer, HeadMatrices head) {
    List<Line> lines = new ArrayList<>();
    Singular[] all = head.singular();
    for (int i = 0; i < Math.clamp(vectors, 0, all.length); i++) {
      float[] reads = all[i].reads();
      float[] writes = all[i].writes();
      double size = all[i].value();
      lines.add(new Line(i + "+ reads", size, VocabularyProjection.read(lens, layer, reads, top)));
      lines.add(new Line(i + "+ writes", size, VocabularyProjection.written(lens, writes, top)));
      lines.add(
          new Line(
              i + "- reads", size, VocabularyProjection.read(lens, layer, negated(reads), top)));
      lines.add(
          new Line(i + "- writes", size, VocabularyProjection.written(lens, negated(writes), top)));
    }
    return lines;
  }

  private static float[] negated(float[] x) {
    float[] negated = x.clone();
    for (int j = 0; j < x.length; j++) {
      negated[j] = -x[j];
    }
    return negated;
  }

  private void print(Model opened, Line line) {
    String size = token == null && unit.head != null ? "%6.2f  ".formatted(line.size) : "";
    System.out.printf(
        "%-10s %s%s%n",
        line.label,
        size,
        line.tokens.stream()
            .map(score -> TokenText.of(opened, score.token()))
            .collect(Collectors.joining(" ")));
  }

  private static Map<String, Object> contents(Model opened, List<Line> lines) {
    List<Map<String, Object>> entries = new ArrayList<>();
    for (Line line : lines) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("what", line.label);
      entry.put("size", line.size);
      List<Map<String, Object>> tokens = new ArrayList<>();
      for (Score score : line.tokens) {
        Map<String, Object> one = new LinkedHashMap<>();
        one.put("id", score.token());
        one.put("piece", opened.tokenizer().piece(score.token()));
        one.put("value", score.value());
        tokens.add(one);
      }
      entry.put("tokens", tokens);
      entries.add(entry);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("vectors", entries);
    return result;
  }
}
