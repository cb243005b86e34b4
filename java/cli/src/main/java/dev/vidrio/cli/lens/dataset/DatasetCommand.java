package dev.vidrio.cli.lens.dataset;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.OutputFile;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.lens.dataset.Dataset;
import dev.vidrio.lens.dataset.PairFile;
import dev.vidrio.lens.dataset.PairText;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio lens dataset}. */
@Command(
    name = "dataset",
    description = {
      "Generates a data set of the literature for a model: pairs of texts for --pairs.",
      "Both texts of a pair have equally many tokens, and answers are single tokens of the model."
          + " One line per pair: the clean text, the corrupted text, the answers and the wrong"
          + " answers, separated by tab characters. A seed gives the same pairs again."
    })
public final class DatasetCommand extends ModelCommand<List<PairText>> {
  /** The names of the data sets. */
  static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Arrays.stream(Dataset.values()).map(Dataset::key).iterator();
    }
  }

  @Parameters(
      paramLabel = "NAME",
      arity = "0..1",
      completionCandidates = Names.class,
      description = "${COMPLETION-CANDIDATES}. Without a name, lists them.")
  private @Nullable String name;

  @Option(
      names = {"-n", "--count"},
      paramLabel = "N",
      description = "Number of pairs.")
  private int count = 100;

  @Option(names = "--seed", paramLabel = "S", description = "Seed of the choices.")
  private long seed;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Write the pairs to FILE.tsv or FILE.jsonl.")
  private @Nullable Path output;

  @Override
  protected void check() {
    if (name == null) {
      return;
    }
    var _ = dataset();
    if (output != null) {
      OutputFile.check(output, ".tsv", ".jsonl");
    }
  }

  private Dataset dataset() {
    String given = Objects.requireNonNull(name);
    return OptionValues.of(() -> Dataset.of(given));
  }

  @Override
  protected List<PairText> run(Model opened) {
    return name == null ? List.of() : dataset().generate(opened.tokenizer(), count, seed);
  }

  @Override
  protected @Nullable String write(List<PairText> pairs) throws IOException {
    if (output == null || name == null) {
      return null;
    }
    boolean json = output.toString().endsWith(".jsonl");
    String text = json ? PairFile.toJsonLines(pairs) : PairFile.toTabs(pairs);
    AtomicFile.write(output, text.getBytes(StandardCharsets.UTF_8));
    return Hint.after(
        output + ": " + pairs.size() + " pairs of " + dataset().key(),
        "'vidrio lens measure --pairs "
            + output
            + " --metric "
            + dataset().metric().key()
            + "' measures how well the model does.");
  }

  @Override
  protected void print(List<PairText> pairs) {
    if (name != null) {
      System.out.print(PairFile.toTabs(pairs));
      return;
    }
    System.out.println("data set      metric      pairs");
    for (Dataset dataset : Dataset.values()) {
      System.out.printf(
          "%-13s %-11s %s%n", dataset.key(), dataset.metric().key(), dataset.description());
    }
  }

  @Override
  protected void fill(JsonObject object, List<PairText> pairs) {
    if (name == null) {
      object.put("datasets", Arrays.stream(Dataset.values()).map(DatasetCommand::toJson).toList());
      return;
    }
    object.put("dataset", dataset().key());
    object.put("description", dataset().description());
    object.put("metric_kind", dataset().metric().key());
    object.put("seed", seed);
    object.put("pairs", pairs.stream().map(PairFile::fields).toList());
  }

  private static JsonObject toJson(Dataset dataset) {
    return new JsonObject()
        .with("name", dataset.key())
        .with("metric_kind", dataset.metric().key())
        .with("description", dataset.description());
  }
}
