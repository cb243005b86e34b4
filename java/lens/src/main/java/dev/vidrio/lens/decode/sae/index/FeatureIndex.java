package dev.vidrio.lens.decode.sae.index;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.decode.VocabularyProjection.Effects;
import dev.vidrio.lens.decode.VocabularyProjection.Score;
import dev.vidrio.lens.decode.sae.ActiveTokens;
import dev.vidrio.lens.decode.sae.DictionaryInputs;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.TokenEffect;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** The index of one dictionary, which a {@link FeatureIndexer} fills. Not thread-safe. */
public final class FeatureIndex {
  /** Number of features for which effects on logits are computed at once. */
  private static final int GROUP = 256;

  private final Lens lens;
  private final String name;
  private final FeatureDictionary dictionary;
  private final IndexOptions options;
  private final DictionaryInputs inputs;
  private final FeatureSums[] sums;
  private final BackgroundWindows background;
  private final String refused;
  private int texts;
  private long tokens;

  FeatureIndex(Lens lens, String name, FeatureDictionary dictionary, IndexOptions options) {
    this.lens = lens;
    this.name = name;
    this.dictionary = dictionary;
    this.options = options;
    this.inputs = DictionaryInputs.of(lens, dictionary);
    this.sums = new FeatureSums[dictionary.features()];
    Arrays.setAll(sums, f -> new FeatureSums(f, options));
    this.background = new BackgroundWindows(sums.length, options);
    this.refused = refused();
  }

  /** Returns the reason for no effects on logits; empty if there are some. */
  private String refused() {
    try {
      VocabularyProjection.requireProjected(lens, dictionary);
      return "";
    } catch (InvalidInputException e) {
      return String.valueOf(e.getMessage());
    }
  }

  /** Returns the name of the dictionary. */
  public String name() {
    return name;
  }

  /** Returns the activations that are encoded. */
  DictionaryInputs inputs() {
    return inputs;
  }

  /** Adds a text, except its first token, given its activations. */
  void add(int text, int[] ids, float[][] rows) {
    List<Features> features = dictionary.encode(rows);
    var active = new ActiveTokens(sums.length, features.subList(1, features.size()), 1);
    IntStream.range(0, sums.length).parallel().forEach(f -> sums[f].add(text, ids, active));
    background.add(text, ids, active);
    texts++;
    tokens += rows.length - 1;
  }

  /**
   * Returns the description.
   *
   * @param model the name of the model
   */
  public IndexHeader header(String model) {
    long active = Arrays.stream(sums).mapToLong(FeatureSums::active).sum();
    return new IndexHeader(
        model,
        name,
        inputs.names(),
        String.join(",", dictionary.hooksOut()),
        sums.length,
        texts,
        tokens,
        active / (double) tokens,
        (int) Arrays.stream(sums).filter(sum -> sum.active() == 0).count(),
        options,
        refused,
        background.windows(lens.model().tokenizer()));
  }

  /** Passes the records of all features in order, with promoted and suppressed tokens. */
  public void records(Consumer<FeatureRecord> taker) {
    Tokenizer tokenizer = lens.model().tokenizer();
    for (int begin = 0; begin < sums.length; begin += GROUP) {
      int end = Math.min(sums.length, begin + GROUP);
      List<Effects> effects = effects(begin, end);
      for (int f = begin; f < end; f++) {
        FeatureRecord result = sums[f].result(tokenizer, tokens, background.inactive(f));
        taker.accept(effects.isEmpty() ? result : with(result, effects.get(f - begin), tokenizer));
      }
    }
  }

  private List<Effects> effects(int begin, int end) {
    if (!refused.isEmpty()) {
      return List.of();
    }
    float[][] directions =
        IntStream.range(begin, end).mapToObj(dictionary::direction).toArray(float[][]::new);
    return VocabularyProjection.effects(lens, directions, options.effects());
  }

  private static FeatureRecord with(FeatureRecord record, Effects effects, Tokenizer tokenizer) {
    return new FeatureRecord(
        record.feature(),
        record.active(),
        record.density(),
        record.mean(),
        record.max(),
        record.histogram(),
        record.top(),
        record.quantiles(),
        record.inactive(),
        tokens(effects.promoted(), tokenizer),
        tokens(effects.suppressed(), tokenizer));
  }

  private static List<TokenEffect> tokens(List<Score> scores, Tokenizer tokenizer) {
    return scores.stream()
        .map(score -> new TokenEffect(score.token(), tokenizer.piece(score.token()), score.value()))
        .toList();
  }
}
