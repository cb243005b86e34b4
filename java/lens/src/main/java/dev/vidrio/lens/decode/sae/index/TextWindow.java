package dev.vidrio.lens.decode.sae.index;

import dev.vidrio.lens.decode.sae.ActiveTokens;
import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A part of a text around a token, with the activations of a feature. Immutable. */
final class TextWindow {
  private final int text;
  private final int position;
  private final int from;
  private final int[] ids;
  private final float[] activations;

  /**
   * Wraps arrays.
   *
   * @param text the index of the text
   * @param position of the token
   * @param from the position of the first token of the window
   * @param ids of its tokens
   * @param activations of the feature at each; empty if the window is not of a feature
   */
  private TextWindow(int text, int position, int from, int[] ids, float[] activations) {
    this.text = text;
    this.position = position;
    this.from = from;
    this.ids = ids;
    this.activations = activations;
  }

  /** Returns a window without activations, which ends where the text does. */
  static TextWindow of(int text, int[] ids, int position, int around) {
    int from = Math.max(0, position - around);
    int to = Math.min(ids.length, position + around + 1);
    return new TextWindow(text, position, from, Arrays.copyOfRange(ids, from, to), new float[0]);
  }

  /** Returns the index of the text. */
  int text() {
    return text;
  }

  /** Returns the position of the token. */
  int position() {
    return position;
  }

  /** Returns the position of the first token of the window. */
  int from() {
    return from;
  }

  /** Returns the position after the last token. */
  int to() {
    return from + ids.length;
  }

  /** Returns this window with the activations of a feature. */
  TextWindow with(ActiveTokens active, int feature) {
    var values = new float[ids.length];
    for (int i = active.begin(feature); i < active.begin(feature + 1); i++) {
      int at = active.position(i) - from;
      if (at >= 0 && at < values.length) {
        values[at] = active.value(i);
      }
    }
    return new TextWindow(text, position, from, ids, values);
  }

  /** Returns the activation at the token. */
  float value() {
    return activations[position - from];
  }

  /** Returns the characters that each token completes. */
  List<String> tokens(Tokenizer tokenizer) {
    TokenDecoder decoder = tokenizer.streamingDecoder();
    List<String> tokens = new ArrayList<>();
    for (int id : ids) {
      tokens.add(decoder.accept(id));
    }
    tokens.add(tokens.removeLast() + decoder.finish());
    return tokens;
  }

  FeatureExample example(Tokenizer tokenizer) {
    List<Float> values = new ArrayList<>();
    for (float value : activations) {
      values.add(value);
    }
    return new FeatureExample(text, position, from, tokens(tokenizer), values);
  }
}
