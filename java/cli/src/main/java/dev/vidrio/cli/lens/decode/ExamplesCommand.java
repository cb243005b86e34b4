package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.decode.sae.LayerChoice;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.NeuronName;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.MaxActivatingExamples;
import dev.vidrio.lens.decode.MaxActivatingExamples.Example;
import dev.vidrio.lens.decode.QuantileExamples;
import dev.vidrio.lens.decode.QuantileExamples.Group;
import dev.vidrio.lens.decode.ScalarFeature;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
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
      "One line per example: the activation, and the text around the token, which is in brackets.",
      "With --deciles, examples from the whole range of activations, the highest tenth first."
    })
public final class ExamplesCommand extends ModelCommand<ExamplesCommand.Found> {
  /** Deciles. */
  private static final int GROUPS = 10;

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

  @Option(
      names = "--deciles",
      paramLabel = "K",
      description = "Instead of the top, K random examples of each tenth of the tokens.")
  private @Nullable Integer deciles;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the random examples.")
  private long seed;

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

  /**
   * The examples of a unit.
   *
   * @param all those of the top, unless there are deciles
   */
  record Found(
      ScalarFeature unit,
      @Nullable MaxActivatingExamples all,
      @Nullable QuantileExamples deciles) {}

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    if (unit.feature == null) {
      return find(
          lens,
          unit.neuron == null
              ? head(String.valueOf(unit.head))
              : NeuronName.parse(lens, unit.neuron));
    }
    LayerChoice choice = unit.feature.choice();
    try (DictionaryFile file = choice.open(lens)) {
      return find(
          lens, ScalarFeature.Feature.of(lens, choice.one(lens, file), unit.feature.number()));
    }
  }

  private Found find(Lens lens, ScalarFeature wanted) {
    List<int[]> texts = chunks.of(lens.model());
    return deciles == null
        ? new Found(wanted, MaxActivatingExamples.of(lens, texts, wanted, top, around), null)
        : new Found(
            wanted, null, QuantileExamples.of(lens, texts, wanted, GROUPS, deciles, around, seed));
  }

  private static ScalarFeature head(String text) {
    HeadName name = HeadName.parse(text);
    return new ScalarFeature.Head(name.layer(), name.head());
  }

  @Override
  protected void print(Found found) {
    System.out.println("activation chunk:pos  text");
    if (found.deciles != null) {
      List<Group> groups = found.deciles.groups();
      for (int g = groups.size() - 1; g >= 0; g--) {
        Group group = groups.get(g);
        System.out.printf(
            "tenth %d, from %.3f to %.3f%n", groups.size() - g, group.from(), group.to());
        print(group.examples());
      }
      System.out.printf("%d tokens%n", found.deciles.tokens());
    }
    if (found.all != null) {
      print(found.all.examples());
      System.out.printf(
          "%d tokens, active at %.1f %%%n", found.all.tokens(), 100 * found.all.active());
    }
  }

  private void print(List<Example> examples) {
    for (Example example : examples) {
      System.out.printf(
          "%10.3f %5d:%-4d %s%n",
          example.value(), example.text(), example.position(), text(example));
    }
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
    if (found.deciles != null) {
      object.put("tokens", found.deciles.tokens());
      object.put("deciles", found.deciles.groups().reversed().stream().map(this::toJson).toList());
    }
    if (found.all != null) {
      object.put("tokens", found.all.tokens());
      object.put("active", found.all.active());
      object.put("examples", found.all.examples().stream().map(ExamplesCommand::toJson).toList());
    }
  }

  private JsonObject toJson(Group group) {
    return new JsonObject()
        .with("from", group.from())
        .with("to", group.to())
        .with("examples", group.examples().stream().map(ExamplesCommand::toJson).toList());
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
