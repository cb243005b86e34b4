package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.decode.sae.LayerChoice;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.FactoredMatrix;
import dev.vidrio.lens.decode.FeedForwardMatrices;
import dev.vidrio.lens.decode.FeedForwardMatrices.Matrix;
import dev.vidrio.lens.decode.HeadMatrices;
import dev.vidrio.lens.decode.SingularTriple;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.decode.VocabularyProjection.Score;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens weights}. */
@Command(
    name = "weights",
    description = {
      "Projects the weights of a head, a neuron, a feed-forward block or a feature onto the"
          + " vocabulary.",
      "For a head: the tokens that the singular vectors of W_OV read and write; with --token, the"
          + " tokens it attends to from that token, and those it writes when attending to it. With"
          + " --then, W_OV is that of the virtual head which both form.",
      "For a neuron: the tokens with raised and lowered logits, and those with embeddings along"
          + " its keys (+) and against them (-). For a matrix of a feed-forward block: the"
          + " tokens of its singular vectors.",
      "For a feature of a dictionary: the tokens with raised and lowered logits."
    })
public final class WeightsCommand extends ModelCommand<List<WeightsCommand.Line>> {
  private static final Pattern NEURON = Pattern.compile("L(\\d{1,4})\\.N(\\d{1,9})");
  private static final Pattern MATRIX = Pattern.compile("L(\\d{1,4})\\.(W_gate|W_in|W_out)");

  @ArgGroup(multiplicity = "1")
  private UnitOption unit = new UnitOption();

  @Option(
      names = "--then",
      paramLabel = "L5.H2",
      description = "For a head: a head of a later layer, which reads its output.")
  private @Nullable String then;

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description = "For a head: the query or attended token, as text or #N.")
  private @Nullable String token;

  @Option(
      names = "--vectors",
      paramLabel = "N",
      description = "For a head or a matrix: pairs of singular vectors.")
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

    @Option(
        names = "--ffn",
        paramLabel = "L2.W_out",
        description = "A matrix of a feed-forward block: W_in, W_out or, in gated blocks, W_gate.")
    private @Nullable String ffn;

    @ArgGroup(exclusive = false)
    private @Nullable FeatureOption feature;
  }

  /** A vector and its nearest tokens. */
  record Line(String label, double size, List<Score> tokens) {}

  @Override
  protected void check() {
    if (unit.head == null && then != null) {
      throw new UsageException("--then: needs --head");
    }
    UsageException.requireAtLeast("--top", top, 1);
  }

  @Override
  protected List<Line> run(Model opened) {
    Lens lens = Lens.of(opened);
    if (unit.feature != null) {
      return feature(lens, unit.feature);
    }
    if (unit.neuron != null) {
      return neuron(lens, unit.neuron);
    }
    if (unit.ffn != null) {
      return matrix(lens, unit.ffn);
    }
    HeadName name = HeadName.parse(String.valueOf(unit.head));
    int layer = LayerNumber.of(opened, name.layer());
    HeadMatrices head = HeadMatrices.of(lens, layer, name.head());
    FactoredMatrix ov = then == null ? head.ov() : virtual(lens, layer, head, then);
    return token == null ? singular(lens, layer, ov) : circuits(lens, layer, head, ov, token);
  }

  private static FactoredMatrix virtual(Lens lens, int layer, HeadMatrices head, String next) {
    HeadName name = HeadName.parse(next);
    int later = LayerNumber.of(lens.model(), name.layer());
    if (later <= layer) {
      throw new InvalidInputException("--then", next, "must be of a layer after " + layer);
    }
    return head.ov().then(HeadMatrices.of(lens, later, name.head()).ov());
  }

  private List<Line> neuron(Lens lens, String name) {
    Matcher matcher = NEURON.matcher(name);
    if (!matcher.matches()) {
      throw new InvalidInputException("neuron", name, "must be written as L2.N17");
    }
    int layer = LayerNumber.of(lens.model(), Integer.parseInt(matcher.group(1)));
    int number = Integer.parseInt(matcher.group(2));
    FeedForwardMatrices block = FeedForwardMatrices.of(lens, layer);
    float[] value = block.vector(Matrix.OUT, number);
    List<Line> lines = new ArrayList<>(output(lens, value));
    for (Matrix matrix : block.matrices()) {
      if (matrix != Matrix.OUT) {
        float[] key = block.vector(matrix, number);
        lines.add(new Line(matrix.label() + " +", 1, read(lens, block, matrix, key)));
        lines.add(new Line(matrix.label() + " -", 1, read(lens, block, matrix, negated(key))));
      }
    }
    return lines;
  }

  private List<Line> feature(Lens lens, FeatureOption option) {
    LayerChoice choice = option.choice();
    try (DictionaryFile file = choice.open(lens)) {
      FeatureDictionary dictionary = choice.one(lens, file);
      return output(lens, VocabularyProjection.valueVector(lens, dictionary, option.number()));
    }
  }

  private List<Line> output(Lens lens, float[] vector) {
    return List.of(
        new Line("raises", 1, VocabularyProjection.written(lens, vector, top)),
        new Line("lowers", 1, VocabularyProjection.written(lens, negated(vector), top)));
  }

  private List<Score> read(Lens lens, FeedForwardMatrices block, Matrix matrix, float[] key) {
    return VocabularyProjection.read(lens, block.point(matrix), key, top);
  }

  private List<Line> matrix(Lens lens, String name) {
    Matcher matcher = MATRIX.matcher(name);
    if (!matcher.matches()) {
      throw new InvalidInputException(
          "matrix", name, "must be written as L2.W_out; available: W_gate, W_in, W_out");
    }
    int layer = LayerNumber.of(lens.model(), Integer.parseInt(matcher.group(1)));
    FeedForwardMatrices block = FeedForwardMatrices.of(lens, layer);
    Matrix matrix =
        block.matrices().stream()
            .filter(m -> m.label().equals(matcher.group(2)))
            .findFirst()
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "matrix", name, "the block is not gated; available: W_in, W_out"));
    List<Line> lines = new ArrayList<>();
    List<SingularTriple> triples = block.singular(matrix, Math.max(vectors, 1));
    for (int i = 0; i < Math.clamp(vectors, 0, triples.size()); i++) {
      for (boolean negative : new boolean[] {false, true}) {
        boolean writes = matrix == Matrix.OUT;
        float[] vector = writes ? triples.get(i).writes() : triples.get(i).reads();
        float[] signed = negative ? negated(vector) : vector;
        lines.add(
            new Line(
                i + (negative ? "- " : "+ ") + (writes ? "writes" : "reads"),
                triples.get(i).value(),
                writes
                    ? VocabularyProjection.written(lens, signed, top)
                    : read(lens, block, matrix, signed)));
      }
    }
    return lines;
  }

  /** Returns what a head does with a token; a virtual head has no scores of its own. */
  private List<Line> circuits(
      Lens lens, int layer, HeadMatrices head, FactoredMatrix ov, String text) {
    int id = TokenText.parse(lens.model(), "token", text);
    float[] x = VocabularyProjection.embedding(lens, layer, id);
    Line writes = new Line("writes", 1, VocabularyProjection.written(lens, ov.written(x), top));
    return then != null
        ? List.of(writes)
        : List.of(
            new Line("attends", 1, VocabularyProjection.read(lens, layer, head.attended(x), top)),
            writes);
  }

  /** Returns both signs of each pair: inputs along -u are written along -v. */
  private List<Line> singular(Lens lens, int layer, FactoredMatrix ov) {
    List<Line> lines = new ArrayList<>();
    List<SingularTriple> all = ov.singular();
    for (int i = 0; i < Math.clamp(vectors, 0, all.size()); i++) {
      float[] reads = all.get(i).reads();
      float[] writes = all.get(i).writes();
      double size = all.get(i).value();
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
    boolean sized = unit.ffn != null || (unit.head != null && token == null);
    System.out.printf("%-10s %stokens%n", "vector", sized ? "  size  " : "");
    for (Line line : lines) {
      System.out.printf(
          "%-10s %s%s%n",
          line.label,
          sized ? (line.size < 1000 ? "%6.2f  " : "%6.0f  ").formatted(line.size) : "",
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
