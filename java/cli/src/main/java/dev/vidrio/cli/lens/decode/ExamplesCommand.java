package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.MaxActivatingExamples;
import dev.vidrio.lens.decode.MaxActivatingExamples.Example;
import dev.vidrio.lens.decode.ScalarFeature;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.model.Model;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens examples}. */
@Command(
    name = "examples",
    description = {
      "Max-activating examples: finds the tokens of a text at which a neuron, head or feature is"
          + " most active.",
      "One line per example: the activation, and the text around the token, which is in brackets."
    })
public final class ExamplesCommand extends ModelCommand<ExamplesCommand.Found> {
  @Mixin private ChunksOption chunks = new ChunksOption();

  @ArgGroup(multiplicity = "1")
  private UnitOption unit = new UnitOption();

  @Option(names = "--top", paramLabel = "K", description = "Examples to print.")
  private int top = 10;

  @Option(
      names = "--around",
      paramLabel = "N",
      description = "Tokens to show before and after the token.")
  private int around = 8;

  /** The mutually exclusive units. */
  private static final class UnitOption {
    @Option(
        names = "--neuron",
        paramLabel = "HOOK:N",
        description = "Element N at a hook point, such as blocks.2.mlp.hook_post:17.")
    private @Nullable String neuron;

    @Option(
        names = "--head",
        paramLabel = "L1.H3",
        description = "A head, by the norm of its output.")
    private @Nullable String head;

    @ArgGroup(exclusive = false)
    private @Nullable FeatureOption feature;
  }

  /** The examples of a unit. */
  record Found(ScalarFeature unit, MaxActivatingExamples all) {}

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    if (unit.feature == null) {
      return find(lens, unit.neuron == null ? head(String.valueOf(unit.head)) : neuron(lens));
    }
    try (SparseAutoencoder sae =
        SparseAutoencoder.load(opened.executor(), unit.feature.directory())) {
      return find(lens, ScalarFeature.Feature.of(lens, sae, unit.feature.number()));
    }
  }

  private Found find(Lens lens, ScalarFeature wanted) {
    return new Found(
        wanted, MaxActivatingExamples.of(lens, chunks.of(lens.model()), wanted, top, around));
  }

  private ScalarFeature neuron(Lens lens) {
    String name = String.valueOf(unit.neuron);
    int colon = name.lastIndexOf(':');
    if (colon < 0 || !name.substring(colon + 1).matches("\\d{1,9}")) {
      throw new InvalidInputException("neuron", name, "must be a hook point, a colon and a number");
    }
    List<HookPoint> points = lens.points(name.substring(0, colon));
    if (points.size() != 1) {
      throw new InvalidInputException("neuron", name, "must be of one hook point");
    }
    return new ScalarFeature.Element(
        points.getFirst(), Integer.parseInt(name.substring(colon + 1)));
  }

  private static ScalarFeature head(String text) {
    HeadName name = HeadName.parse(text);
    return new ScalarFeature.Head(name.layer(), name.head());
  }

  @Override
  protected void print(Found found) {
    System.out.println("activation chunk:pos  text");
    for (Example example : found.all.examples()) {
      System.out.printf(
          "%10.3f %5d:%-4d %s%n",
          example.value(), example.text(), example.position(), text(example));
    }
    System.out.printf(
        "%d tokens, active at %.1f %%%n", found.all.tokens(), 100 * found.all.active());
  }

  private String text(Example example) {
    int at = example.position() - example.from();
    int[] ids = example.context().stream().mapToInt(Integer::intValue).toArray();
    var line = new StringBuilder();
    for (int i = 0; i < ids.length; i++) {
      String quoted = TokenText.of(model(), ids[i]);
      String piece = quoted.substring(1, quoted.length() - 1);
      line.append(i == at ? "[" + piece + "]" : piece);
    }
    return line.toString();
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("hook", found.unit.point().name());
    object.put("tokens", found.all.tokens());
    object.put("active", found.all.active());
    object.put("examples", found.all.examples().stream().map(ExamplesCommand::toJson).toList());
  }

  private static JsonObject toJson(Example example) {
    return new JsonObject()
        .with("value", example.value())
        .with("text", example.text())
        .with("position", example.position())
        .with("from", example.from())
        .with("context", example.context());
  }
}
