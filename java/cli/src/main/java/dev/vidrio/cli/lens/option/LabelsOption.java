package dev.vidrio.cli.lens.option;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.probe.Examples;
import dev.vidrio.lens.decode.probe.LabeledTokens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** The options of texts or words with classes; some are held out. */
public final class LabelsOption {
  /** Maximum bytes of the activations of hook points that are read in one pass. */
  private static final long BYTES = 256L << 20;

  /** The mutually exclusive sources. */
  private static final class Source {
    @Option(
        names = {"-f", "--file"},
        paramLabel = "FILE",
        description = "A file of lines CLASS<TAB>TEXT; the class is that of the last token.")
    private @Nullable Path texts;

    @Option(
        names = "--words",
        paramLabel = "FILE",
        description = {
          "A file of lines WORD<TAB>CLASS, with an empty line after each sentence. Words are"
              + " separated by spaces, unless a line ends with <TAB>SpaceAfter=No.",
          "The class is that of the last token of the word."
        })
    private @Nullable Path words;
  }

  @ArgGroup(multiplicity = "1")
  private Source source = new Source();

  @Option(
      names = "--test",
      paramLabel = "FRACTION",
      description = "Share of the texts to hold out.")
  private double test = 0.25;

  @Option(names = "--seed", paramLabel = "N", description = "Random seed.")
  private long seed;

  /**
   * Texts with classes.
   *
   * @param classes the names of the classes
   * @param texts the texts
   * @param ofWords whether words have classes, not texts
   */
  public record Labels(List<String> classes, List<LabeledTokens> texts, boolean ofWords) {
    public Labels {
      classes = List.copyOf(classes);
      texts = List.copyOf(texts);
    }

    /** Returns the number of labeled texts or words. */
    public int count() {
      return texts.stream().mapToInt(text -> text.labels().length).sum();
    }

    /** Returns the name of what has a class, in the plural. */
    public String unit() {
      return ofWords ? "words" : "texts";
    }
  }

  /** Reads the file. */
  public Labels read(Model model) {
    if (source.words != null) {
      LabeledWords words = LabeledWords.read(source.words);
      return new Labels(
          words.classes(),
          words.sentences().stream()
              .map(sentence -> LabeledTokens.ofWords(model.tokenizer(), sentence))
              .toList(),
          true);
    }
    LabeledTexts texts = LabeledTexts.read(Objects.requireNonNull(source.texts));
    return new Labels(
        texts.classes(),
        IntStream.range(0, texts.texts().size())
            .mapToObj(
                i ->
                    LabeledTokens.ofLast(
                        model,
                        model.tokenizer().encode(texts.texts().get(i)),
                        texts.labels().get(i)))
            .toList(),
        false);
  }

  /** Reads the activations at points, some points at a time to bound memory. */
  public void forEach(
      Lens lens, String hooks, Labels labels, BiConsumer<HookPoint, Examples> consumer) {
    List<HookPoint> points = lens.points(hooks);
    long most = BYTES / Float.BYTES / labels.count();
    // A run of one token gives the widths.
    int[] one = {labels.texts().getFirst().tokens()[0]};
    int from = 0;
    try (ActivationCache cache = lens.run(one, Capture.of(hooks))) {
      while (from < points.size()) {
        int to = from;
        long width = 0;
        do {
          width += cache.get(points.get(to)).elements();
          to++;
        } while (to < points.size() && width < most);
        String names =
            String.join(",", points.subList(from, to).stream().map(HookPoint::name).toList());
        Map<HookPoint, Examples> read =
            Examples.ofTokens(lens, names, labels.texts(), labels.classes().size());
        read.forEach(consumer);
        from = to;
      }
    }
  }

  /** Returns the training and test examples. */
  public Examples.Split split(Examples examples) {
    return examples.split(test, seed);
  }

  /** Returns the share of the texts that is held out. */
  public double fraction() {
    return test;
  }

  /** Returns the random seed. */
  public long seed() {
    return seed;
  }
}
