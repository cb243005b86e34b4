package dev.vidrio.lens.decode.probe;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A text in which some tokens have class labels, such as parts of speech.
 *
 * @see Examples#ofTokens
 */
public final class LabeledTokens {
  final int[] tokens;
  final int[] positions;
  final int[] labels;
  final int[] types;

  /**
   * Creates a text.
   *
   * @param tokens of the text
   * @param positions of the labeled tokens
   * @param labels the class of each labeled token, from 0
   * @param types the word of each labeled token, as a {@link ControlTask} distinguishes words
   * @throws InvalidInputException if the lengths differ or a position is outside of the text
   */
  public LabeledTokens(int[] tokens, int[] positions, int[] labels, int[] types) {
    if (positions.length != labels.length || positions.length != types.length) {
      throw new InvalidInputException(
          "labels",
          positions.length + " positions, " + labels.length + " labels, " + types.length + " types",
          "must be equal");
    }
    for (int position : positions) {
      Preconditions.requireRange("position", position, 0, tokens.length - 1);
    }
    this.tokens = tokens.clone();
    this.positions = positions.clone();
    this.labels = labels.clone();
    this.types = types.clone();
  }

  /**
   * Returns a text with a class, as the label of its last token.
   *
   * @throws InvalidInputException if the model does not support the tokens
   */
  public static LabeledTokens ofLast(Model model, int[] tokens, int label) {
    Preconditions.requireTokens(model, tokens);
    int last = tokens.length - 1;
    return new LabeledTokens(tokens, new int[] {last}, new int[] {label}, new int[] {tokens[last]});
  }

  /**
   * A word of a text.
   *
   * @param text the word without surrounding spaces
   * @param spaceAfter whether a space follows it
   * @param label its class, from 0
   * @param type its number among all different words
   */
  public record Word(String text, boolean spaceAfter, int label, int type) {}

  /**
   * Tokenizes words as one text, with BOS if the model requires it. The label of a word is that of
   * its last token, at which a causal model has read the whole word; of several words that end in
   * one token, that of the last.
   *
   * @throws InvalidInputException if the tokens do not spell the words, because the tokenizer
   *     normalizes them
   */
  public static LabeledTokens ofWords(Tokenizer tokenizer, List<Word> words) {
    var text = new StringBuilder();
    var ends = new int[words.size()];
    int bytes = 0;
    for (int w = 0; w < ends.length; w++) {
      Word word = words.get(w);
      text.append(word.text);
      bytes += word.text.getBytes(StandardCharsets.UTF_8).length;
      ends[w] = bytes;
      if (word.spaceAfter && w + 1 < ends.length) {
        text.append(' ');
        bytes++;
      }
    }
    int[] tokens = tokenizer.encode(text.toString());
    int[] tokenEnds = ends(tokenizer, tokens, text.toString());
    List<Integer> positions = new ArrayList<>();
    List<Word> labeled = new ArrayList<>();
    int position = 0;
    for (int w = 0; w < ends.length; w++) {
      while (tokenEnds[position] < ends[w]) {
        position++;
      }
      if (!positions.isEmpty() && positions.getLast() == position) {
        positions.removeLast();
        labeled.removeLast();
      }
      positions.add(position);
      labeled.add(words.get(w));
    }
    return new LabeledTokens(
        tokens,
        positions.stream().mapToInt(Integer::intValue).toArray(),
        labeled.stream().mapToInt(Word::label).toArray(),
        labeled.stream().mapToInt(Word::type).toArray());
  }

  /** Returns the end of each token in the bytes of a text. */
  private static int[] ends(Tokenizer tokenizer, int[] tokens, String text) {
    var spelled = new ByteArrayOutputStream();
    var ends = new int[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      if (!tokenizer.isSpecial(tokens[i])) {
        spelled.writeBytes(tokenizer.bytes(tokens[i]));
      }
      ends[i] = spelled.size();
    }
    byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
    // Some tokenizers put a space before the text.
    int shift = spelled.size() - wanted.length;
    byte[] all = spelled.toByteArray();
    if (shift < 0 || !Arrays.equals(all, shift, all.length, wanted, 0, wanted.length)) {
      throw new InvalidInputException(
          "text", "\"" + text + "\"", "its tokens spell another text: " + spelled);
    }
    return Arrays.stream(ends).map(end -> end - shift).toArray();
  }

  /** Returns the tokens of the text. */
  public int[] tokens() {
    return tokens.clone();
  }

  /** Returns the positions of the labeled tokens, ascending for words. */
  public int[] positions() {
    return positions.clone();
  }

  /** Returns the class of each labeled token. */
  public int[] labels() {
    return labels.clone();
  }
}
