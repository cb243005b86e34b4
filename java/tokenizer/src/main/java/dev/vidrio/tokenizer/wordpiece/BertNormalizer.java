package dev.vidrio.tokenizer.wordpiece;

import dev.vidrio.tokenizer.normalization.TextTransform;
import dev.vidrio.tokenizer.normalization.TextTransforms;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.Normalization;
import java.io.ByteArrayOutputStream;

/**
 * The normalization of BERT (Devlin et al. 2018, arXiv 1810.04805), {@code BertNormalizer} in
 * {@code tokenizer.json}, in this order:
 *
 * <ol>
 *   <li>cleaning: deletes control, format and private-use characters, U+FFFD and ill-formed bytes,
 *       and replaces white space by spaces
 *   <li>a space before and after each Han character
 *   <li>stripping of accents: canonical decomposition (NFD) without nonspacing marks
 *   <li>lowercase
 * </ol>
 *
 * @param cleansText whether text is cleaned
 * @param separatesHan whether Han characters become words
 * @param stripsAccents whether accents are stripped
 * @param lowercases whether text is lowercased
 */
public record BertNormalizer(
    boolean cleansText, boolean separatesHan, boolean stripsAccents, boolean lowercases)
    implements TextTransform {

  @Override
  public byte[] apply(byte[] text, int start, int end) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(end - start + 16);
    boolean ascii = true;
    for (int pos = start; pos < end; ) {
      int b = text[pos];
      if (b >= 0) {
        boolean isControl = cleansText && (b < ' ' || b == 0x7F);
        if (!isControl) {
          out.write(lowercases && b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b);
        } else if (b == '\t' || b == '\n' || b == '\r') {
          out.write(' ');
        }
        pos++;
        continue;
      }
      int length = Utf8.lengthAt(text, pos, end);
      ascii &= append(Utf8.codePointAt(text, pos, end), text, pos, length, out);
      pos += length;
    }
    byte[] changed = out.toByteArray();
    if (ascii) {
      return changed;
    }
    if (stripsAccents) {
      changed = withoutAccents(Normalization.NFD.apply(changed, 0, changed.length));
    }
    return lowercases ? TextTransforms.lowercase(changed, 0, changed.length) : changed;
  }

  /** Appends a character that is not ASCII, and returns whether what was appended is ASCII. */
  private boolean append(int c, byte[] text, int pos, int length, ByteArrayOutputStream out) {
    if (cleansText && BertCharacters.isControl(c)) {
      return true;
    }
    if (cleansText && BertCharacters.isSpace(c)) {
      out.write(' ');
      return true;
    }
    boolean separate = separatesHan && BertCharacters.isHan(c);
    if (separate) {
      out.write(' ');
    }
    out.write(text, pos, length);
    if (separate) {
      out.write(' ');
    }
    return false;
  }

  private static byte[] withoutAccents(byte[] text) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(text.length);
    for (int pos = 0; pos < text.length; ) {
      int length = Utf8.lengthAt(text, pos, text.length);
      if (length == 1 || !BertCharacters.isAccent(Utf8.codePointAt(text, pos, text.length))) {
        out.write(text, pos, length);
      }
      pos += length;
    }
    return out.toByteArray();
  }
}
