package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.formats.file.CreatedDirectories;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import dev.vidrio.lens.decode.sae.index.FeatureExample;
import dev.vidrio.lens.decode.sae.index.FeatureIndex;
import dev.vidrio.lens.decode.sae.index.FeatureIndexer;
import dev.vidrio.lens.decode.sae.index.FeatureRecord;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.TokenEffect;
import dev.vidrio.lens.decode.sae.index.IndexFile;
import dev.vidrio.lens.decode.sae.index.IndexHeader;
import dev.vidrio.lens.decode.sae.index.IndexOptions;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens sae index}. */
@Command(
    name = "index",
    description = {
      "Finds what all features of dictionaries are about, in one pass over a text of"
          + " any length: how often each is active, the histogram of its activations, examples, and"
          + " the tokens that it promotes and suppresses.",
      "Prints the features with the largest activations. -o writes a page with a search, the"
          + " details of every feature, and index.jsonl, which 'lens sae explain' reads."
    })
@JsonHelp("Print JSON with all results for the features that are printed.")
public final class IndexCommand extends ModelCommand<List<IndexCommand.Found>> {
  /** The name of the file of an index. */
  static final String FILE = "index.jsonl";

  /** Columns of promoted tokens. */
  private static final int PROMOTED = 24;

  /** Tokens of an example before and after the active one. */
  private static final int AROUND = 4;

  @Mixin private ChunksOption chunks = new ChunksOption();

  @Option(
      names = "--sae",
      paramLabel = "DIRECTORY",
      arity = "1..*",
      required = true,
      description =
          "Directories with sparse autoencoders, transcoders or crosscoders of layers, as SAELens,"
              + " sparsify, circuit-tracer or dictionary_learning write them.")
  private List<Path> directories = List.of();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIRECTORY",
      description = {
        "Where to write index.html, pages of features and index.jsonl.",
        "With several dictionaries or layers, a directory in it for each."
      })
  private @Nullable Path output;

  @Option(names = "--top", paramLabel = "K", description = "Features to print.")
  private int top = 8;

  @Option(
      names = "--examples",
      paramLabel = "K",
      description = "Largest activations of each feature to keep, at most one of a chunk.")
  private int examples = IndexOptions.DEFAULT.top();

  @Option(
      names = "--quantiles",
      paramLabel = "Q",
      description = "Groups of random examples, from the lowest to the highest activations.")
  private int quantiles = IndexOptions.DEFAULT.quantiles();

  @Option(
      names = "--per-quantile",
      paramLabel = "K",
      description = "Random examples of each group.")
  private int perQuantile = IndexOptions.DEFAULT.examples();

  @Option(
      names = "--around",
      paramLabel = "N",
      description = "Tokens to keep before and after the token.")
  private int around = IndexOptions.DEFAULT.around();

  @Option(
      names = "--effects",
      paramLabel = "K",
      description = "Promoted tokens of each feature, and suppressed ones.")
  private int effects = IndexOptions.DEFAULT.effects();

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the random examples.")
  private long seed;

  /** True if there are several dictionaries, each with a directory in the output. */
  private boolean several;

  /**
   * The index of a dictionary.
   *
   * @param shown the features to print
   */
  record Found(IndexHeader header, List<FeatureRecord> shown) {}

  @Override
  protected void check() {
    if (output != null) {
      InputOutput.requireWritableDirectory(output);
    }
    if (directories.stream().map(IndexCommand::name).distinct().count() < directories.size()) {
      throw new UsageException("--sae: the names of the directories must differ");
    }
  }

  private static String name(Path directory) {
    return directory.toAbsolutePath().normalize().getFileName().toString();
  }

  @Override
  protected List<Found> run(Model opened) throws IOException {
    IndexOptions options =
        OptionValues.of(
            () ->
                new IndexOptions(
                    examples,
                    quantiles,
                    perQuantile,
                    around,
                    effects,
                    IndexOptions.DEFAULT.background(),
                    seed));
    Lens lens = Lens.of(opened);
    List<DictionaryFile> files = new ArrayList<>();
    try {
      Map<String, FeatureDictionary> dictionaries = new LinkedHashMap<>();
      for (Path directory : directories) {
        DictionaryFile file = DictionaryFile.open(lens, directory);
        files.add(file);
        put(lens, name(directory), file, dictionaries);
      }
      var indexer = new FeatureIndexer(lens, dictionaries, options);
      several = dictionaries.size() > 1;
      try (var bar = new ProgressBar("indexing")) {
        chunks.each(
            opened,
            (chunk, read) -> {
              bar.update(read, indexer.tokens() + " tokens");
              indexer.add(chunk);
            });
      }
      List<Found> found = new ArrayList<>();
      for (FeatureIndex index : indexer.indexes()) {
        found.add(find(index));
      }
      return found;
    } finally {
      files.forEach(DictionaryFile::close);
    }
  }

  /** Adds the dictionaries of a file: by its name, and with their layers if they are several. */
  private static void put(
      Lens lens, String name, DictionaryFile file, Map<String, FeatureDictionary> dictionaries) {
    for (FeatureDictionary dictionary : file.dictionaries()) {
      boolean only = file.dictionaries().size() == 1;
      dictionaries.put(
          only ? name : name + ".layer_" + LayerChoice.layer(lens, dictionary), dictionary);
    }
  }

  /** Writes the files of an index, if wanted, and returns the features to print. */
  private Found find(FeatureIndex index) throws IOException {
    var largest =
        new PriorityQueue<FeatureRecord>(
            Comparator.comparingDouble(FeatureRecord::max)
                .thenComparing(FeatureRecord::feature, Comparator.reverseOrder()));
    if (output == null) {
      index.records(feature -> keep(largest, feature));
      return found(index.header(modelName()), largest);
    }
    Path directory = several ? output.resolve(index.name()) : output;
    try (var _ = CreatedDirectories.of(directory)) {
      IndexFile file = IndexFile.write(directory.resolve(FILE), index, modelName());
      file.records(feature -> keep(largest, feature));
      FeaturePages.write(directory, file, Map.of());
      return found(file.header(), largest);
    }
  }

  private void keep(PriorityQueue<FeatureRecord> largest, FeatureRecord feature) {
    if (feature.active() > 0) {
      largest.add(feature);
    }
    while (largest.size() > Math.max(0, top)) {
      largest.remove();
    }
  }

  private static Found found(IndexHeader header, PriorityQueue<FeatureRecord> largest) {
    List<FeatureRecord> shown = new ArrayList<>();
    while (!largest.isEmpty()) {
      shown.addFirst(largest.remove());
    }
    return new Found(header, shown);
  }

  @Override
  protected void print(List<Found> indexes) {
    for (Found found : indexes) {
      IndexHeader header = found.header;
      System.out.printf(
          "%s of %s: %d tokens in %d chunks%n%d features, %.1f active per token, %d never active%n",
          header.dictionary(),
          header.hook(),
          header.tokens(),
          header.texts(),
          header.features(),
          header.l0(),
          header.dead());
      if (!header.refused().isEmpty()) {
        System.out.println("promoted tokens: " + header.refused());
      }
      System.out.printf(
          "%-8s%8s%9s  %s %s%n",
          "feature", "active", "largest", TokenText.column("promotes", PROMOTED), "there");
      for (FeatureRecord feature : found.shown) {
        System.out.printf(
            "#%-7d%6.2f %%%9.2f  %s %s%n",
            feature.feature(),
            100 * feature.density(),
            feature.max(),
            promoted(feature),
            text(feature.top().getFirst()));
      }
    }
    if (output != null) {
      System.out.println(output + ": index.html and index.jsonl");
      Hint.print("'vidrio lens sae explain " + output + " -m MODEL' explains features in words.");
    }
  }

  private static String promoted(FeatureRecord feature) {
    var line = new StringBuilder();
    for (TokenEffect effect : feature.promoted()) {
      String next = Escapes.quote(effect.piece());
      if (line.length() + next.length() + 1 > PROMOTED) {
        break;
      }
      line.append(line.isEmpty() ? "" : " ").append(next);
    }
    return TokenText.column(line.toString(), PROMOTED);
  }

  /** Returns an example on one line, with the active token in brackets. */
  private static String text(FeatureExample example) {
    int at = example.position() - example.from();
    var line = new StringBuilder();
    int end = Math.min(example.tokens().size(), at + AROUND + 1);
    for (int i = Math.max(0, at - AROUND); i < end; i++) {
      String quoted = Escapes.quote(example.tokens().get(i));
      String piece = quoted.substring(1, quoted.length() - 1);
      line.append(i == at ? "[" + piece + "]" : piece);
    }
    return line.toString();
  }

  @Override
  protected void fill(JsonObject object, List<Found> indexes) {
    if (output != null) {
      object.put("output", output.getFileName().toString());
    }
    object.put("dictionaries", indexes.stream().map(IndexCommand::toJson).toList());
  }

  private static JsonObject toJson(Found found) {
    IndexHeader header = found.header;
    return new JsonObject()
        .with("dictionary", header.dictionary())
        .with("hook", header.hook())
        .with("hook_out", header.hookOut())
        .with("features", header.features())
        .with("chunks", header.texts())
        .with("tokens", header.tokens())
        .with("l0", header.l0())
        .with("dead", header.dead())
        .with("largest", found.shown);
  }
}
