package dev.vidrio.tokenizer.vocabulary;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Utf8;
import java.text.Normalizer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The Unicode normalization form (UAX #15) applied to text first.
 *
 * <p>The tables are those of the Java runtime (Unicode 16 in JDK 25). Older versions, such as that
 * of Hugging Face tokenizers, differ only in characters that they do not have.
 */
public enum Normalization {
  /** Text stays as it is. */
  NONE(null),
  /** Canonical decomposition. */
  NFD(Normalizer.Form.NFD),
  /** Canonical decomposition, then composition. */
  NFC(Normalizer.Form.NFC),
  /** Compatibility decomposition. */
  NFKD(Normalizer.Form.NFKD),
  /** Compatibility decomposition, then canonical composition. */
  NFKC(Normalizer.Form.NFKC);

  /** Vidrio's own key for what GGUF cannot say: the name of one of these. */
  public static final String KEY = "vidrio.tokenizer.normalization";

  /** Longer runs of marks have no use, and sorting them takes quadratic time. */
  private static final int MAX_MARKS = 1000;

  private final Normalizer.@Nullable Form form;

  Normalization(Normalizer.@Nullable Form form) {
    this.form = form;
  }

  /**
   * Normalizes text. Bytes that are no part of a well-formed character stay as they are.
   *
   * @throws InvalidInputException if more than 1000 marks follow each other
   */
  public byte[] apply(byte[] text, int start, int end) {
    if (form == null || isAscii(text, start, end)) {
      return Arrays.copyOfRange(text, start, end);
    }
    Normalizer.Form to = form;
    checkMarks(text, start, end);
    return Utf8.change(text, start, end, run -> Normalizer.normalize(run, to));
  }

  private static void checkMarks(byte[] text, int start, int end) {
    int marks = 0;
    for (int pos = start; pos < end; pos += Utf8.lengthAt(text, pos, end)) {
      marks = CharSet.MARK.containsAt(text, pos, end) ? marks + 1 : 0;
      if (marks > MAX_MARKS) {
        throw new InvalidInputException(
            "text",
            "",
            "the model's normalizer takes no more than " + MAX_MARKS + " marks in a row");
      }
    }
  }

  /** Says whether ASCII text, which every form keeps, is all there is. */
  private static boolean isAscii(byte[] text, int start, int end) {
    for (int i = start; i < end; i++) {
      if (text[i] < 0) {
        return false;
      }
    }
    return true;
  }
}
