package dev.vidrio.model.tokenizer;

import static dev.vidrio.model.tokenizer.Characters.END;
import static dev.vidrio.model.tokenizer.Characters.LETTER;
import static dev.vidrio.model.tokenizer.Characters.NUMBER;
import static dev.vidrio.model.tokenizer.Characters.OTHER;
import static dev.vidrio.model.tokenizer.Characters.SPACE;
import static dev.vidrio.model.tokenizer.Characters.at;
import static dev.vidrio.model.tokenizer.Characters.kind;
import static dev.vidrio.model.tokenizer.Characters.length;
import static dev.vidrio.model.tokenizer.WordSplitter.endOfRun;
import static dev.vidrio.model.tokenizer.WordSplitter.lastCharacter;

/**
 * The words of Llama 3 and, with one digit for three, of Qwen 2:
 *
 * <pre>{@code
 * (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
 *     | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * }</pre>
 *
 * <p>Ignoring case, {@code 's} matches U+017F (ſ) too. So do the tokenizers the models were trained
 * with; llama.cpp does not.
 */
final class Llama3Splitter implements WordSplitter {

  private final int maxDigits;

  Llama3Splitter(int maxDigits) {
    this.maxDigits = maxDigits;
  }

  @Override
  public int endOfWord(byte[] text, int start, int end) {
    int contraction = contraction(text, start, end);
    if (contraction > 0) {
      return start + contraction;
    }
    int first = at(text, start, end);
    int second = start + length(first);
    if (kind(first) == NUMBER) {
      return endOfNumber(text, start, end);
    }
    int next = kind(at(text, second, end));
    if (kind(first) == LETTER || (next == LETTER && !isNewline(text[start]))) {
      return endOfRun(LETTER, text, second, end);
    }
    if (kind(first) == OTHER || (next == OTHER && text[start] == ' ')) {
      return endOfNewlines(text, endOfRun(OTHER, text, second, end), end);
    }
    return endOfSpaces(text, start, endOfRun(SPACE, text, start, end), end);
  }

  private int endOfNumber(byte[] text, int start, int end) {
    int pos = start;
    for (int i = 0; i < maxDigits && kind(at(text, pos, end)) == NUMBER; i++) {
      pos += length(at(text, pos, end));
    }
    return pos;
  }

  private static int endOfNewlines(byte[] text, int pos, int end) {
    int next = pos;
    while (next < end && isNewline(text[next])) {
      next++;
    }
    return next;
  }

  /** Returns where {@code \s*[\r\n]+|\s+(?!\S)|\s+} ends within a run of white space. */
  private static int endOfSpaces(byte[] text, int start, int endOfRun, int end) {
    for (int pos = endOfRun; pos > start; pos--) {
      if (isNewline(text[pos - 1])) {
        return pos;
      }
    }
    if (kind(at(text, endOfRun, end)) == END) {
      return endOfRun;
    }
    int last = lastCharacter(text, start, endOfRun);
    return last > start ? last : endOfRun;
  }

  private static boolean isNewline(byte b) {
    return b == '\r' || b == '\n';
  }

  /** Returns the length in bytes of {@code (?i:'s|'t|'re|'ve|'m|'ll|'d)} at the start, or 0. */
  private static int contraction(byte[] text, int start, int end) {
    if (text[start] != '\'' || end - start < 2) {
      return 0;
    }
    byte third = end - start < 3 ? 0 : text[start + 2];
    return switch (text[start + 1]) {
      case 's', 'S', 't', 'T', 'm', 'M', 'd', 'D' -> 2;
      case 'r', 'R', 'v', 'V' -> third == 'e' || third == 'E' ? 3 : 0;
      case 'l', 'L' -> third == 'l' || third == 'L' ? 3 : 0;
      case (byte) 0xC5 -> third == (byte) 0xBF ? 3 : 0; // ſ
      default -> 0;
    };
  }
}
