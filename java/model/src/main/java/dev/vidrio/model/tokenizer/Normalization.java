package dev.vidrio.model.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.model.InvalidInputException;
import java.io.ByteArrayOutputStream;
import java.text.Normalizer;
import org.jspecify.annotations.Nullable;

/**
 * A normalization form of Unicode (UAX #15) that text gets before all else.
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

  /** Longer runs of marks have no use, and sorting them takes quadratic time. */
  private static final int MAX_MARKS = 1000;

  /** The characters of ASCII that U+037E, U+1FEF and U+212A become. */
  private static final String SINGLETONS = ";`K";

  private final Normalizer.@Nullable Form form;

  Normalization(Normalizer.@Nullable Form form) {
    this.form = form;
  }

  /**
   * Normalizes text. Bytes that are no part of a well-formed character stay as they are.
   *
   * @throws InvalidInputException if more than 1000 marks follow each other
   */
  byte[] apply(byte[] text, int start, int end) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(end - start);
    int run = start;
    int marks = 0;
    for (int pos = start; pos < end; ) {
      int length = Utf8.lengthAt(text, pos, end);
      if (length == 1 && text[pos] < 0) {
        write(text, run, pos, out);
        out.write(text[pos]);
        run = pos + 1;
      }
      marks = isMark(Utf8.codePointAt(text, pos, end)) ? marks + 1 : 0;
      if (marks > MAX_MARKS) {
        throw new InvalidInputException(
            "text",
            "",
            "the model's normalizer takes no more than " + MAX_MARKS + " marks in a row");
      }
      pos += length;
    }
    write(text, run, end, out);
    return out.toByteArray();
  }

  private void write(byte[] text, int start, int end, ByteArrayOutputStream out) {
    if (form == null || start == end) {
      out.write(text, start, end - start);
      return;
    }
    String normal = Normalizer.normalize(new String(text, start, end - start, UTF_8), form);
    out.writeBytes(normal.getBytes(UTF_8));
  }

  private static boolean isMark(int codePoint) {
    return CharSet.MARK.contains(codePoint, Character.getType(codePoint));
  }

  /**
   * Says whether a text surely is found in normalized text exactly where it is in the original: if
   * it is ASCII, nothing else becomes one of its characters, and its last one composes with no
   * mark.
   */
  boolean keeps(String text) {
    if (form == null) {
      return true;
    }
    boolean canonical = this == NFC || this == NFD;
    boolean kept = canonical && text.chars().allMatch(c -> c < 0x80 && SINGLETONS.indexOf(c) < 0);
    for (int mark = 0x300; kept && mark < 0x370; mark++) {
      String marked = text + Character.toString(mark);
      kept = Normalizer.normalize(marked, Normalizer.Form.NFC).startsWith(text);
    }
    return kept;
  }

  /** Says whether ASCII text, which every form keeps, is all there is. */
  static boolean isAscii(byte[] text, int start, int end) {
    for (int i = start; i < end; i++) {
      if (text[i] < 0) {
        return false;
      }
    }
    return true;
  }
}
