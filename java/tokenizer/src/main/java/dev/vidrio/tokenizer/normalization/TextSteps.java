package dev.vidrio.tokenizer.normalization;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Meter;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.Charsmap;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The changes of text that the pipelines of Hugging Face tokenizers know. */
public final class TextSteps {

  /** An extended grapheme cluster (UAX #29). */
  private static final Pattern CLUSTER = Pattern.compile("\\X");

  /** Clusters of more bytes are replaced character by character. */
  private static final int MAX_CLUSTER = 5;

  private static final int CAPITAL_I_WITH_DOT = 0x130;

  private TextSteps() {}

  /** Puts content in place of each match. */
  public static TextStep replace(RegexSearch pattern, String content) {
    byte[] replacement = content.getBytes(UTF_8);
    return (text, start, end) -> {
      ByteArrayOutputStream out = new ByteArrayOutputStream(end - start);
      pattern.find(
          text,
          start,
          end,
          new Meter(end - start),
          (from, to, match) -> {
            if (match) {
              out.writeBytes(replacement);
            } else {
              out.write(text, from, to - from);
            }
          });
      return out.toByteArray();
    };
  }

  /**
   * Puts a prefix before text, unless this is empty.
   *
   * @param ifMissing whether text that begins with the prefix gets none
   */
  public static TextStep prepend(String prefix, boolean ifMissing) {
    byte[] bytes = prefix.getBytes(UTF_8);
    return (text, start, end) -> {
      boolean has = startsWith(text, start, end, bytes);
      if (start == end || (ifMissing && has)) {
        return Arrays.copyOfRange(text, start, end);
      }
      byte[] longer = Arrays.copyOf(bytes, Math.addExact(bytes.length, end - start));
      System.arraycopy(text, start, longer, bytes.length, end - start);
      return longer;
    };
  }

  private static boolean startsWith(byte[] text, int start, int end, byte[] prefix) {
    return end - start >= prefix.length
        && Arrays.equals(text, start, start + prefix.length, prefix, 0, prefix.length);
  }

  /** Takes white space from the ends. */
  public static TextStep strip(boolean left, boolean right) {
    return (text, start, end) -> {
      int from = start;
      while (left && from < end && CharSet.SPACE.containsAt(text, from, end)) {
        from += Utf8.lengthAt(text, from, end);
      }
      int to = end;
      while (right
          && to > from
          && CharSet.SPACE.containsAt(text, Utf8.lastStart(text, from, to), to)) {
        to = Utf8.lastStart(text, from, to);
      }
      return Arrays.copyOfRange(text, from, to);
    };
  }

  /** Makes letters small, each on its own: a capital sigma at the end of a word is as any other. */
  public static byte[] lowercase(byte[] text, int start, int end) {
    return Utf8.change(
        text,
        start,
        end,
        run -> {
          StringBuilder lower = new StringBuilder(run.length());
          run.codePoints()
              .forEach(
                  c -> {
                    lower.appendCodePoint(Character.toLowerCase(c));
                    if (c == CAPITAL_I_WITH_DOT) {
                      lower.append('\u0307');
                    }
                  });
          return lower.toString();
        });
  }

  /** Takes marks away. */
  public static byte[] stripAccents(byte[] text, int start, int end) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(end - start);
    for (int pos = start; pos < end; ) {
      int length = Utf8.lengthAt(text, pos, end);
      if (!CharSet.MARK.containsAt(text, pos, end)) {
        out.write(text, pos, length);
      }
      pos += length;
    }
    return out.toByteArray();
  }

  /** Spells bytes in the alphabet of GPT-2. */
  public static byte[] spellBytes(byte[] text, int start, int end) {
    return ByteAlphabet.spell(text, start, end).getBytes(UTF_8);
  }

  /**
   * Replaces by SentencePiece's table, as Hugging Face tokenizers do: a short grapheme cluster as a
   * whole by what its beginning becomes, else each character.
   */
  public static TextStep replace(Charsmap charsmap) {
    return (text, start, end) ->
        Utf8.change(
            text,
            start,
            end,
            run -> {
              StringBuilder out = new StringBuilder(run.length());
              Matcher clusters = CLUSTER.matcher(run);
              while (clusters.find()) {
                replace(clusters.group(), charsmap, out);
              }
              return out.toString();
            });
  }

  private static void replace(String cluster, Charsmap charsmap, StringBuilder out) {
    byte[] bytes = cluster.getBytes(UTF_8);
    if (bytes.length <= MAX_CLUSTER && charsmap.replaceBeginning(bytes, 0, bytes.length, out)) {
      return;
    }
    for (int pos = 0; pos < bytes.length; ) {
      int next = pos + Utf8.lengthAt(bytes, pos, bytes.length);
      if (!charsmap.replaceBeginning(bytes, pos, next, out)) {
        out.appendCodePoint(Utf8.codePointAt(bytes, pos, next));
      }
      pos = next;
    }
  }
}
