package dev.vidrio.lens.decode.sae.index;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.decode.VocabularyProjection.Score;
import dev.vidrio.lens.decode.sae.ActiveTokens;
import dev.vidrio.lens.decode.sae.DictionaryFixtures;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.Quantile;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.TokenEffect;
import dev.vidrio.lens.decode.sae.index.IndexHeader.Window;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.vector.Vectors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The index of a transcoder of the embedded model against all activations in memory. */
class FeatureIndexerTest extends BardTest {
  private static final Path TRANSCODERS = Path.of("../../docs/lens/bard-transcoders");
  private static final IndexOptions OPTIONS = new IndexOptions(3, 4, 2, 3, 5, 8, 7);

  private final List<int[]> texts =
      TextChunks.of(
          model,
          model
              .tokenizer()
              .encode(
                  """
                  To be, or not to be, that is the question. The king is dead, long live the king!
                  My lord, the queen and the duke of York are at the gates of London with an army.
                  O Romeo, Romeo, wherefore art thou Romeo? Deny thy father and refuse thy name.
                  Now is the winter of our discontent made glorious summer by this son of York.
                  """),
          16);

  private SparseAutoencoder transcoder;

  @TempDir private Path directory = Path.of("");

  /** An active token. */
  private record Active(int text, int position, float value) {}

  @BeforeEach
  void load() {
    transcoder = SparseAutoencoder.load(model.executor(), TRANSCODERS.resolve("layer_1"));
  }

  @AfterEach
  void unload() {
    transcoder.close();
  }

  private FeatureIndex index(IndexOptions options) {
    var indexer = new FeatureIndexer(lens, Map.of("layer_1", transcoder), options);
    texts.forEach(indexer::add);
    return indexer.indexes().getFirst();
  }

  private static List<FeatureRecord> records(FeatureIndex index) {
    List<FeatureRecord> records = new ArrayList<>();
    index.records(records::add);
    return records;
  }

  /** Returns the active tokens of each feature, in the order of the texts. */
  private List<List<Active>> active() {
    List<List<Active>> all = new ArrayList<>();
    for (int f = 0; f < transcoder.config().dSae(); f++) {
      all.add(new ArrayList<>());
    }
    String hook = transcoder.config().hookIn();
    for (int t = 0; t < texts.size(); t++) {
      try (ActivationCache cache = lens.run(texts.get(t), Capture.of(hook))) {
        for (int i = 1; i < cache.rows(); i++) {
          Features row = transcoder.encode(cache.get(hook).row(i));
          for (int k = 0; k < row.count(); k++) {
            all.get(row.id(k)).add(new Active(t, i, row.value(k)));
          }
        }
      }
    }
    return all;
  }

  @Test
  void countsActivations() {
    FeatureIndex index = index(OPTIONS);
    List<FeatureRecord> records = records(index);
    List<List<Active>> active = active();
    int tokens = texts.stream().mapToInt(text -> text.length - 1).sum();
    assertEquals(transcoder.config().dSae(), records.size());
    for (FeatureRecord found : records) {
      List<Active> own = active.get(found.feature());
      assertEquals(own.size(), found.active());
      assertEquals(own.size() / (double) tokens, found.density());
      double sum = own.stream().mapToDouble(Active::value).sum();
      assertEquals(own.isEmpty() ? 0 : sum / own.size(), found.mean(), 1e-9);
      double max = own.stream().mapToDouble(Active::value).max().orElse(0);
      assertEquals(max, found.max());
      var counts = new long[found.histogram().counts().size()];
      own.forEach(a -> counts[(int) (a.value / found.histogram().width())]++);
      assertEquals(Arrays.stream(counts).boxed().toList(), found.histogram().counts());
    }
    IndexHeader header = index.header("bard");
    assertEquals(tokens, header.tokens());
    assertEquals(texts.size(), header.texts());
    assertEquals(active.stream().filter(List::isEmpty).count(), header.dead());
    long all = active.stream().mapToLong(List::size).sum();
    assertEquals(all / (double) tokens, header.l0());
    assertTrue(all > 100 && header.dead() > 0, all + " activations");
  }

  @Test
  void keepsLargestActivationsOfDifferentTexts() {
    List<List<Active>> active = active();
    for (FeatureRecord found : records(index(OPTIONS))) {
      Set<Integer> seen = new HashSet<>();
      List<Active> expected =
          active.get(found.feature()).stream()
              .sorted(Comparator.comparingDouble(a -> -a.value))
              .filter(a -> seen.add(a.text))
              .limit(OPTIONS.top())
              .toList();
      List<Active> own =
          found.top().stream().map(e -> new Active(e.text(), e.position(), e.value())).toList();
      assertEquals(expected, own);
    }
  }

  @Test
  void contextsHaveTextAndActivations() {
    List<List<Active>> active = active();
    for (FeatureRecord found : records(index(OPTIONS))) {
      for (FeatureExample example : found.top()) {
        int[] text = texts.get(example.text());
        int from = Math.max(0, example.position() - 3);
        int to = Math.min(text.length, example.position() + 4);
        assertEquals(from, example.from());
        String expected = model.tokenizer().decode(Arrays.copyOfRange(text, from, to));
        assertEquals(expected, String.join("", example.tokens()));
        for (int i = from; i < to; i++) {
          int position = i;
          double value =
              active.get(found.feature()).stream()
                  .filter(a -> a.text == example.text() && a.position == position)
                  .mapToDouble(Active::value)
                  .sum();
          assertEquals(value, example.activations().get(i - from).doubleValue());
        }
      }
    }
  }

  /** Small samples have all active tokens; those of other seeds differ. */
  @Test
  void quantilesDivideARandomSample() {
    List<List<Active>> active = active();
    List<FeatureRecord> found = records(index(OPTIONS));
    for (FeatureRecord feature : found) {
      List<Active> own = active.get(feature.feature());
      List<Float> sampled = new ArrayList<>();
      for (Quantile quantile : feature.quantiles()) {
        List<Float> values = quantile.examples().stream().map(FeatureExample::value).toList();
        assertEquals(quantile.to(), values.getFirst());
        assertEquals(quantile.from(), values.getLast());
        assertTrue(sampled.isEmpty() || sampled.getLast() <= quantile.from());
        sampled.addAll(values.reversed());
      }
      assertEquals(Math.min(own.size(), OPTIONS.sample()), sampled.size());
      if (own.size() <= OPTIONS.sample()) {
        assertEquals(own.stream().map(Active::value).sorted().toList(), sampled);
      }
    }
    assertEquals(found, records(index(OPTIONS)));
    var other = new IndexOptions(3, 4, 2, 3, 5, 8, 8);
    assertFalse(found.equals(records(index(other))));
  }

  /** Over many seeds, each active token is in the sample equally often. */
  @Test
  void samplesAreUniform() {
    int n = 40;
    int draws = 2000;
    var counts = new int[n];
    var ids = new int[n + 1];
    List<Features> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      rows.add(Features.of(new float[] {1 + i}));
    }
    var tokens = new ActiveTokens(1, rows, 1);
    for (int seed = 0; seed < draws; seed++) {
      var sums = new FeatureSums(0, new IndexOptions(1, 5, 2, 0, 1, 1, seed));
      sums.add(0, ids, tokens);
      sums.result(model.tokenizer(), n, List.of()).quantiles().stream()
          .flatMap(quantile -> quantile.examples().stream())
          .forEach(example -> counts[example.position() - 1]++);
    }
    // A count is binomial: 500 with a standard deviation of 19.4.
    for (int count : counts) {
      assertEquals(draws / 4.0, count, 5 * 19.4);
    }
  }

  @Test
  void inactiveWindowsHaveNoActivation() {
    FeatureIndex index = index(OPTIONS);
    List<Window> windows = index.header("bard").background();
    assertEquals(Math.min(OPTIONS.background(), texts.size()), windows.size());
    List<List<Active>> active = active();
    for (FeatureRecord feature : records(index)) {
      Set<Integer> inactive = new HashSet<>(feature.inactive());
      for (int w = 0; w < windows.size(); w++) {
        Window window = windows.get(w);
        int to = window.from() + window.tokens().size();
        boolean isActive =
            active.get(feature.feature()).stream()
                .anyMatch(
                    a -> a.text == window.text() && a.position >= window.from() && a.position < to);
        assertEquals(!isActive, inactive.contains(w), feature.feature() + " in window " + w);
      }
    }
  }

  @Test
  void effectsAreThoseOfDirections() {
    List<FeatureRecord> found = records(index(OPTIONS));
    for (int f : new int[] {0, 141, 255}) {
      float[] direction = VocabularyProjection.valueVector(lens, transcoder, f);
      float[] negative = Vectors.minus(new float[direction.length], direction);
      List<List<Score>> expected =
          VocabularyProjection.written(lens, new float[][] {direction, negative}, 5);
      assertEquals(scores(expected.getFirst(), 1), scores(found.get(f).promoted()));
      assertEquals(scores(expected.getLast(), -1), scores(found.get(f).suppressed()));
    }
  }

  private static List<Score> scores(List<Score> scores, int sign) {
    return scores.stream().map(s -> new Score(s.token(), sign * s.value())).toList();
  }

  private static List<Score> scores(List<TokenEffect> effects) {
    return effects.stream().map(e -> new Score(e.id(), e.value())).toList();
  }

  @Test
  void severalDictionariesShareAPass() {
    try (SparseAutoencoder other =
        SparseAutoencoder.load(model.executor(), TRANSCODERS.resolve("layer_2"))) {
      var indexer = new FeatureIndexer(lens, Map.of("a", transcoder, "b", other), OPTIONS);
      texts.forEach(indexer::add);
      FeatureIndex own =
          indexer.indexes().stream().filter(i -> i.name().equals("a")).findAny().orElseThrow();
      assertEquals(records(index(OPTIONS)), records(own));
    }
  }

  @Test
  void rejectsFeaturesOfEitherSign() {
    try (SparseAutoencoder signed =
        SparseAutoencoder.load(model.executor(), DictionaryFixtures.path("abstopk"))) {
      assertEquals(
          "dictionary a: has features of either sign (AbsTopK), which an index does not support",
          assertThrows(
                  InvalidInputException.class,
                  () -> new FeatureIndexer(lens, Map.of("a", signed), OPTIONS))
              .getMessage());
    }
  }

  @Test
  void filesAreReadBack() throws IOException {
    Path file = directory.resolve("index.jsonl");
    FeatureIndex index = index(OPTIONS);
    IndexFile.write(file, index, "bard");
    IndexFile read = IndexFile.open(file);
    assertEquals(index.header("bard"), read.header());
    List<FeatureRecord> records = new ArrayList<>();
    read.records(records::add);
    assertEquals(records(index), records);
  }

  @Test
  void damagedFilesAreRejected() throws IOException {
    Path file = directory.resolve("index.jsonl");
    IndexFile.write(file, index(OPTIONS), "bard");
    List<String> lines = Files.readAllLines(file);
    assertMessage("line 257: is missing", file, lines.subList(0, 256));
    List<String> swapped = new ArrayList<>(lines);
    Collections.swap(swapped, 3, 4);
    assertMessage("line 4 feature 3: must be feature 2", file, swapped);
    List<String> cut = new ArrayList<>(lines);
    cut.set(9, lines.get(9).substring(0, 40));
    assertMessage("line 10: is not of an index", file, cut);
    assertMessage("line 1: is not of an index", file, List.of("[1]"));
    assertMessage("line 1: is missing", file, List.of());
  }

  private static void assertMessage(String expected, Path file, List<String> lines)
      throws IOException {
    Files.write(file, lines);
    String message =
        assertThrows(ModelFileException.class, () -> IndexFile.open(file).records(feature -> {}))
            .getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsInvalidInput() {
    var indexer = new FeatureIndexer(lens, Map.of("a", transcoder), OPTIONS);
    indexer.add(new int[] {5});
    assertThrows(InvalidInputException.class, indexer::indexes);
    assertThrows(InvalidInputException.class, () -> new FeatureIndexer(lens, Map.of(), OPTIONS));
    assertThrows(InvalidInputException.class, () -> new IndexOptions(0, 1, 1, 1, 1, 1, 0));
    List<Features> infinite = List.of(Features.of(new float[] {Float.POSITIVE_INFINITY}));
    assertThrows(InvalidInputException.class, () -> new ActiveTokens(1, infinite, 1));
  }
}
