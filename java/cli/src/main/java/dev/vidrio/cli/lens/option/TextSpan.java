package dev.vidrio.cli.lens.option;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The tokens that contain a part of a text.
 *
 * @param from the first position
 * @param to the end, exclusive
 */
public record TextSpan(int from, int to) {
  /**
   * Finds the first occurrence of a part, ignoring special tokens. Tokens that contain more than
   * the part are included.
   *
   * @param option the name of the option, for errors
   */
  public static TextSpan of(Model model, int[] tokens, String option, String part) {
    byte[] wanted = part.getBytes(StandardCharsets.UTF_8);
    var text = new ByteArrayOutputStream();
    var ends = new int[tokens.length];
    for (int i = 0; i < tokens.length; i++) {
      if (!model.tokenizer().isSpecial(tokens[i])) {
        text.writeBytes(model.tokenizer().bytes(tokens[i]));
      }
      ends[i] = text.size();
    }
    int begin = indexOf(text.toByteArray(), wanted);
    if (wanted.length == 0 || begin < 0) {
      throw new InvalidInputException(option, "\"" + part + "\"", "not found in the text");
    }
    int from = 0;
    while (ends[from] <= begin) {
      from++;
    }
    int to = from;
    while (ends[to] < begin + wanted.length) {
      to++;
    }
    return new TextSpan(from, to + 1);
  }

  /**
   * Returns the tokens between those that a text shares with the beginning and the end of another
   * one.
   *
   * @param where the text, for errors, such as {@code " of line 3"}
   */
  public static TextSpan difference(int[] tokens, int[] other, String where) {
    int from = Arrays.mismatch(tokens, other);
    int to = tokens.length;
    int end = other.length;
    while (to > from && end > from && from >= 0 && tokens[to - 1] == other[end - 1]) {
      to--;
      end--;
    }
    if (from < 0 || from == to) {
      throw new InvalidInputException(
          "corrupted text" + where, "", "has all tokens of the clean text; name the --subject");
    }
    return new TextSpan(from, to);
  }

  private static int indexOf(byte[] text, byte[] part) {
    for (int at = 0; at + part.length <= text.length; at++) {
      if (Arrays.equals(text, at, at + part.length, part, 0, part.length)) {
        return at;
      }
    }
    return -1;
  }
}
