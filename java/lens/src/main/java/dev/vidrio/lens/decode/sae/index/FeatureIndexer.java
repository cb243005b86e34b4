package dev.vidrio.lens.decode.sae.index;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Gathers what the features of sparse autoencoders and transcoders are about, in one pass over a
 * corpus of any length: densities, histograms, the largest activations, a random sample of all
 * activations, and random texts without a feature. {@link
 * dev.vidrio.lens.decode.MaxActivatingExamples} and {@link dev.vidrio.lens.decode.QuantileExamples}
 * read one feature at a time.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="index"}
 *
 * <p>Memory does not depend on the length of the corpus: per feature half a kilobyte, and for each
 * of its examples eight bytes per token of the context. The first token of each text is ignored,
 * since activations there depend on the position rather than on the text. Samples are uniform, and
 * the same for any two runs with equal texts and seeds.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/corpus.md"
 */
public final class FeatureIndexer {
  private final Lens lens;
  private final Capture capture;
  private final List<FeatureIndex> indexes = new ArrayList<>();
  private int texts;
  private long tokens;

  /**
   * Creates empty indexes.
   *
   * @param dictionaries the dictionaries by name, which must stay open
   * @throws dev.vidrio.error.InvalidInputException if there are none, the features of one have
   *     either sign, or the model does not have its hook point
   */
  public FeatureIndexer(
      Lens lens, Map<String, ? extends FeatureDictionary> dictionaries, IndexOptions options) {
    Preconditions.require(!dictionaries.isEmpty(), "dictionaries", "", "must be at least one");
    dictionaries.forEach(
        (name, dictionary) ->
            Preconditions.require(
                !dictionary.isSigned(),
                "dictionary",
                name,
                "has features of either sign (AbsTopK), which an index does not support"));
    this.lens = lens;
    dictionaries.forEach(
        (name, dictionary) -> indexes.add(new FeatureIndex(lens, name, dictionary, options)));
    this.capture =
        Capture.of(
            indexes.stream()
                .flatMap(index -> index.inputs().points().stream())
                .map(HookPoint::name)
                .distinct()
                .collect(Collectors.joining(",")));
  }

  /**
   * Runs a text and adds its activations.
   *
   * @param text tokens; ignored if there is only one
   */
  public void add(int[] text) {
    if (text.length < 2) {
      return;
    }
    try (ActivationCache cache = lens.run(text, capture)) {
      for (FeatureIndex index : indexes) {
        index.add(texts, text, index.inputs().rows(cache));
      }
    }
    texts++;
    tokens += text.length - 1;
  }

  /** Returns the number of tokens so far, without the first of each text. */
  public long tokens() {
    return tokens;
  }

  /**
   * Returns the indexes, in the order of the dictionaries.
   *
   * @throws dev.vidrio.error.InvalidInputException if no text had two tokens
   */
  public List<FeatureIndex> indexes() {
    Preconditions.require(tokens > 0, "texts", "", "must have one of at least 2 tokens");
    return List.copyOf(indexes);
  }
}
