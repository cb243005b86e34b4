package dev.vidrio.model.tokenizer;

import static dev.vidrio.model.tokenizer.Characters.END;
import static dev.vidrio.model.tokenizer.Characters.NUMBER;
import static dev.vidrio.model.tokenizer.Characters.SPACE;
import static dev.vidrio.model.tokenizer.Characters.at;
import static dev.vidrio.model.tokenizer.Characters.kind;
import static dev.vidrio.model.tokenizer.Characters.length;
import static dev.vidrio.model.tokenizer.WordSplitter.endOfRun;
import static dev.vidrio.model.tokenizer.WordSplitter.lastCharacter;

/**
 * The words of GPT-2:
 *
 * <pre>{@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+}</pre>
 *
 * <p>Where digits stand alone (StarCoder, SmolLM), every {@code \p{N}} is first cut out as a word
 * of its own, and the expression then sees each piece between as a whole text.
 */
final class Gpt2Splitter implements WordSplitter {

  private final boolean digitsAlone;

  Gpt2Splitter(boolean digitsAlone) {
    this.digitsAlone = digitsAlone;
  }

  @Override
  public int endOfWord(byte[] text, int start, int end) {
    int contraction = contraction(text, start, end);
    if (contraction > 0) {
      return start + contraction;
    }
    int first = at(text, start, end);
    if (kind(first) == NUMBER && digitsAlone) {
      return start + length(first);
    }
    if (text[start] == ' ') {
      int kind = kind(at(text, start + 1, end));
      if (kind != SPACE && !endsPiece(kind)) {
        return endOfRun(kind, text, start + 1, end);
      }
    }
    int endOfRun = endOfRun(kind(first), text, start, end);
    if (kind(first) != SPACE || endsPiece(kind(at(text, endOfRun, end)))) {
      return endOfRun;
    }
    int last = lastCharacter(text, start, endOfRun);
    return last > start ? last : endOfRun;
  }

  private boolean endsPiece(int kind) {
    return kind == END || (kind == NUMBER && digitsAlone);
  }

  /** Returns the length of {@code 's|'t|'re|'ve|'m|'ll|'d} at the start, or 0. */
  private static int contraction(byte[] text, int start, int end) {
    if (text[start] != '\'' || end - start < 2) {
      return 0;
    }
    byte second = text[start + 1];
    byte third = end - start < 3 ? 0 : text[start + 2];
    return switch (second) {
      case 's', 't', 'm', 'd' -> 2;
      case 'r', 'v' -> third == 'e' ? 3 : 0;
      case 'l' -> third == 'l' ? 3 : 0;
      default -> 0;
    };
  }
}
