package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.LabeledTexts;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.ConceptNeurons;
import dev.vidrio.lens.detect.ConceptNeurons.Neuron;
import dev.vidrio.lens.detect.ConceptNeurons.Response;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens concepts}. */
@Command(
    name = "concepts",
    description = {
      "Finds neurons that tell the texts of a class from all others: of a concept, a language or a"
          + " skill.",
      "The area under the ROC curve is the probability that a text of the class activates the"
          + " neuron more than another text. With few texts, many neurons separate them by chance:"
          + " compare with the largest area for shuffled classes."
    })
@JsonHelp("Print JSON with the areas of all neurons.")
public final class ConceptsCommand extends ModelCommand<ConceptsCommand.Found> {
  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description = "A file of lines CLASS<TAB>TEXT.")
  private Path file = Path.of("");

  @Option(
      names = "--by",
      paramLabel = "RESPONSE",
      defaultValue = "mean",
      description = "Activation of a text: ${COMPLETION-CANDIDATES} over its tokens.")
  private Response response = Response.MEAN;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the shuffled classes.")
  private long seed;

  @Option(names = "--top", paramLabel = "K", description = "Neurons of each class to print.")
  private int top = 8;

  /** The neurons and the names of the classes. */
  record Found(LabeledTexts texts, ConceptNeurons concepts) {}

  @Override
  protected Found run(Model opened) {
    LabeledTexts texts = LabeledTexts.read(file);
    List<int[]> ids = texts.texts().stream().map(opened.tokenizer()::encode).toList();
    return new Found(
        texts, ConceptNeurons.of(Lens.of(opened), ids, texts.labelNumbers(), response, seed));
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%d texts, %d neurons; largest area with shuffled classes: %.3f%n",
        found.concepts.texts(), found.concepts.neurons().size(), found.concepts.control());
    System.out.println("neuron       area   difference of means in standard deviations");
    for (int c = 0; c < found.concepts.classes(); c++) {
      System.out.println(found.texts.classes().get(c));
      List<Neuron> ranked = found.concepts.ranked(c);
      for (Neuron neuron : ranked.subList(0, Math.clamp(top, 0, ranked.size()))) {
        double area = neuron.areas().get(c);
        System.out.printf(
            "%-11s %s   %+.2f%n",
            neuron.name(), Heat.cell("%5.3f".formatted(area), area), neuron.differences().get(c));
      }
    }
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.with("texts", found.concepts.texts()).with("classes", found.texts.classes());
    object.put("control", found.concepts.control());
    object.put("neurons", found.concepts.neurons());
  }
}
