package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.HeadMatrices;
import dev.vidrio.lens.decode.HeadMatrices.Singular;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.decode.VocabularyProjection.Score;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens weights}. */
@Command(
    name = "weights",
    description = {
      "Projects the weights of a head, a neuron or a feature onto the vocabulary.",
      "For a head: the tokens that the singular vectors of W_OV read and write; with --token, the"
          + " tokens it attends to from that token, and those it writes when attending to it. For a"
          + " neuron, and for a feature of a sparse autoencoder or transcoder: the tokens whose"
          + " logits it raises and lowers."
    })
public final class WeightsCommand extends ModelCommand<List<WeightsCommand.Line>> {

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
      description = "For a head: pairs of singular vectors.")
  private int vectors = 4;

  @Option(names = "--top", paramLabel = "K", description = "Tokens per line.")
  private int top = 6;

  /** The mutually exclusive units. */
  private static final class UnitOption {
    @Option(names = "--head", paramLabel = "L1.H3", description = "A head.")
    private @Nullable String head;

    @Option(
        names = "--neuron",
        paramLabel = "L2.N17",
        description = "A neuron of a feed-forward block.")
    private @Nullable String neuron;

    @ArgGroup(exclusive = false)
    private @Nullable FeatureOption feature;
  }

  /** A vector and its nearest tokens. */
  record Line(String label, double size, List<Score> tokens) {}

  @Override
  protected List<Line> run(Model opened) {
    Lens lens = Lens.of(opened);
    if (unit.feature != null) {
      return feature(lens, unit.feature);
    }
    if (unit.head == null) {
      return neuron(lens, String.valueOf(unit.neuron));
    }
    HeadName name = HeadName.parse(unit.head);
    int layer = LayerNumber.of(opened, name.layer());
    HeadMatrices head = HeadMatrices.of(lens, layer, name.head());
    return token == null ? singular(lens, layer, head) : circuits(lens, layer, head, token);
  }

  private List<Line> neuron(Lens lens, String name) {
    if (!name.matches("L\\d{1,4}\\.N\\d{1,9}")) {
      throw new InvalidInputException("neuron", name, "must be written as L2.N17");
    }
    int dot = name.indexOf('.');
    int layer = LayerNumber.of(lens.model(), Integer.parseInt(name.substring(1, dot)));
    int number = Integer.parseInt(name.substring(dot + 2));
    return output(lens, VocabularyProjection.valueVector(lens, layer, number));
  }

  private List<Line> feature(Lens lens, FeatureOption option) {
    try (SparseAutoencoder sae =
        SparseAutoencoder.load(lens.model().executor(), option.directory())) {
      return output(lens, VocabularyProjection.valueVector(lens, sae, option.number()));
    }
  }

  private List<Line> output(Lens lens, float[] vector) {
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

  @Override
  protected void print(List<Line> lines) {
    boolean sized = token == null && unit.head != null;
    System.out.printf("%-10s %stokens%n", "vector", sized ? "  size  " : "");
    for (Line line : lines) {
      System.out.printf(
          "%-10s %s%s%n",
          line.label,
          sized ? "%6.2f  ".formatted(line.size) : "",
          line.tokens.stream()
              .map(score -> TokenText.of(model(), score.token()))
              .collect(Collectors.joining(" ")));
    }
  }

  @Override
  protected void fill(JsonObject object, List<Line> lines) {
    object.put("vectors", lines.stream().map(this::toJson).toList());
  }

  private JsonObject toJson(Line line) {
    List<JsonObject> tokens =
        line.tokens.stream()
            .map(score -> TokenText.toJson(model(), score.token()).with("value", score.value()))
            .toList();
    return new JsonObject().with("what", line.label).with("size", line.size).with("tokens", tokens);
  }
}
