package dev.vidrio.tokenizer.normalization;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.CharSet;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.text.WorkLimit;
import dev.vidrio.tokenizer.vocabulary.Charsmap;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The text transforms of Hugging Face tokenizers. */
public final class TextTransforms {

  /** An extended grapheme cluster (UAX #29). */
  private static final Pattern CLUSTER = Pattern.compile("\\X");

  /** Longer clusters are replaced character by character. */
  private static final int MAX_CLUSTER = 5;

  private static final int CAPITAL_I_WITH_DOT = 0x130;

  private TextTransforms() {}

  /** Replaces each match of a pattern. */
  public static TextTransform replace(RegexSearch pattern, String content) {
    byte[] replacement = content.getBytes(UTF_8);
    return (text, start, end) -> {
      ByteArrayOutputStream out = new ByteArrayOutputStream(end - start);
      pattern.find(
          text,
          start,
          end,
          new WorkLimit(end - start),
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
   * Prepends a prefix to nonempty text.
   *
   * @param ifMissing if true, text that already begins with the prefix is unchanged
   */
  public static TextTransform prepend(String prefix, boolean ifMissing) {
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

  /** Strips white space from the ends. */
  public static TextTransform strip(boolean left, boolean right) {
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

  /**
   * Lowercases each character on its own, without context: a capital sigma at the end of a word is
   * not special.
   */
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

  /** Removes combining marks. */
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

  /** Converts bytes to GPT-2's alphabet. */
  public static byte[] spellBytes(byte[] text, int start, int end) {
    return ByteAlphabet.spell(text, start, end).getBytes(UTF_8);
  }

  /**
   * Replaces by SentencePiece's character map, as Hugging Face tokenizers do: a short grapheme
   * cluster as a whole by the replacement of its longest known prefix, otherwise each character.
   */
  public static TextTransform replace(Charsmap charsmap) {
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
