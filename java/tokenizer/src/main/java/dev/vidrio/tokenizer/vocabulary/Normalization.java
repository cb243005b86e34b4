package dev.vidrio.tokenizer.vocabulary;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Utf8;
import java.text.Normalizer;
import java.util.Arrays;

/**
 * The Unicode normalization form (UAX #15) that is applied to text first.
 *
 * <p>The tables are those of the Java runtime (Unicode 16 in JDK 25). Older versions, such as that
 * of Hugging Face tokenizers, differ only in characters that they do not define.
 */
public enum Normalization {
  /** No normalization. */
  NONE,
  /** Canonical decomposition. */
  NFD,
  /** Canonical decomposition, then composition. */
  NFC,
  /** Compatibility decomposition. */
  NFKD,
  /** Compatibility decomposition, then canonical composition. */
  NFKC;

  /**
   * The GGUF key of the form; Vidrio's own, since GGUF has none. The value is the name of a
   * constant.
   */
  public static final String KEY = "vidrio.tokenizer.normalization";

  /** The longest run of marks; sorting them takes quadratic time. */
  private static final int MAX_MARKS = 1000;

  /**
   * Normalizes text. Bytes that are not part of a well-formed character are unchanged.
   *
   * @throws InvalidInputException if more than 1000 marks follow each other
   */
  public byte[] apply(byte[] text, int start, int end) {
    if (this == NONE || isAscii(text, start, end)) {
      return Arrays.copyOfRange(text, start, end);
    }
    Normalizer.Form to = Normalizer.Form.valueOf(name());
    checkMarks(text, start, end);
    return Utf8.change(text, start, end, run -> Normalizer.normalize(run, to));
  }

  private static void checkMarks(byte[] text, int start, int end) {
    int marks = 0;
    for (int pos = start; pos < end; pos += Utf8.lengthAt(text, pos, end)) {
      marks = CharSet.MARK.containsAt(text, pos, end) ? marks + 1 : 0;
      if (marks > MAX_MARKS) {
        throw new InvalidInputException(
            "text", "", "must have at most " + MAX_MARKS + " combining marks in a row");
      }
    }
  }

  /** Returns whether the text is ASCII, which no form changes. */
  private static boolean isAscii(byte[] text, int start, int end) {
    for (int i = start; i < end; i++) {
      if (text[i] < 0) {
        return false;
      }
    }
    return true;
  }
}
