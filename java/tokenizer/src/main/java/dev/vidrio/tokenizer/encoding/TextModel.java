package dev.vidrio.tokenizer.encoding;

import dev.vidrio.tokenizer.normalization.TextTransform;
import dev.vidrio.tokenizer.text.WorkLimit;
import dev.vidrio.tokenizer.word.WordSplitter;

/**
 * Encodes text into tokens: splits normalized text into words, and encodes each word. Immutable and
 * thread-safe; its encoders are not.
 */
public final class TextModel {

  private final TextTransform normalizer;
  private final WordSplitter firstWords;
  private final WordSplitter words;
  private final WordModel model;
  private final WordCache cache = new WordCache();

  /**
   * Creates a model.
   *
   * @param normalizer is applied before normalized literal tokens are searched
   * @param firstWords splits the beginning of a text
   * @param words splits a segment after a token
   * @param model encodes words
   */
  public TextModel(
      TextTransform normalizer, WordSplitter firstWords, WordSplitter words, WordModel model) {
    this.normalizer = normalizer;
    this.firstWords = firstWords;
    this.words = words;
    this.model = model;
  }

  /** Returns the transform that is applied before normalized literal tokens are searched. */
  public TextTransform normalizer() {
    return normalizer;
  }

  /** Encodes segments of normalized text, in order. */
  @FunctionalInterface
  public interface TextEncoder {
    /**
     * Appends the tokens of the nonempty text from {@code start} to before {@code end}.
     *
     * @param first true if no token precedes the segment
     */
    void encode(byte[] text, int start, int end, boolean first);
  }

  /** Returns an encoder that appends to a list. */
  public TextEncoder encoder(IntList out) {
    WordModel.WordEncoder encoder = model.encoder();
    WordSplitter.WordSink sink = (text, start, end) -> cache.encode(text, start, end, out, encoder);
    return (text, start, end, first) ->
        (first ? firstWords : words).split(text, start, end, new WorkLimit(end - start), sink);
  }
}
