package dev.vidrio.lens.decode.sae.index;

import java.util.List;

/**
 * The description of an index.
 *
 * @param model the name of the model
 * @param dictionary the name of the autoencoder or transcoder
 * @param hook the point of the encoded activations
 * @param hookOut the point that the output replaces or, of a transcoder, models
 * @param features d_sae
 * @param texts number of texts
 * @param tokens number of tokens: all but the first of each text
 * @param l0 mean number of active features per token
 * @param dead number of features that are never active
 * @param options of the index
 * @param refused the reason for no promoted tokens; empty if there are some
 * @param background random windows of the corpus, one of a text
 */
public record IndexHeader(
    String model,
    String dictionary,
    String hook,
    String hookOut,
    int features,
    int texts,
    long tokens,
    double l0,
    int dead,
    IndexOptions options,
    String refused,
    List<Window> background) {
  /**
   * A part of a text.
   *
   * @param text the index of the text
   * @param from the position of its first token
   * @param tokens as in {@link FeatureExample#tokens}
   */
  public record Window(int text, int from, List<String> tokens) {
    public Window {
      tokens = List.copyOf(tokens);
    }
  }

  public IndexHeader {
    background = List.copyOf(background);
  }
}
