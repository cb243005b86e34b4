package dev.vidrio.tokenizer;

import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Byte-level BPE by its definition: splits words by the models' regular expressions, then applies
 * one merge at a time, each time the one of lowest rank. Does not support special tokens.
 */
public final class ReferenceTokenizer {

  private static final String GPT_2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private static final String LLAMA_3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** Word characters of Oniguruma. */
  private static final String WORD =
      "[\\p{L}\\p{M}\\p{Nl}\\p{Nd}\\p{Pc}Ⓐ-ⓩ²³¹¼-¾"
          + "\\x{1F130}-\\x{1F149}\\x{1F150}-\\x{1F169}\\x{1F170}-\\x{1F189}]";

  /** Returns the expressions of a pre-tokenizer; each splits the pieces of the previous one. */
  private static List<String> expressions(String preTokenizer) {
    return switch (preTokenizer) {
      case "gpt-2" -> List.of(GPT_2);
      case "llama-bpe" -> List.of(LLAMA_3);
      case "qwen2" -> List.of(LLAMA_3.replace("{1,3}", ""));
      case "smollm" -> List.of("\\p{N}", GPT_2);
      case "kimi-k2" -> List.of("\\p{IsHan}+|" + o200k("&&[^\\p{IsHan}]", "{1,3}", ""));
      case "jais-2" ->
          List.of(
              LLAMA_3.replace(
                  "|\\s+(?!\\S)|\\s+",
                  "|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!\\S)"
                      + "|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}"));
      case "chameleon" ->
          List.of(
              "<sentinel:[0-9]+>",
              "IMGIMG[A-I]{1,4}Z",
              "[\t\n]|    |  ",
              "\\p{N}",
              "[\\p{IsP}!-/:-@\\[-`{-~]",
              GPT_2);
      case "spark2_5" -> List.of("\\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", deepSeek("|[\r\n]"), "\\p{N}");
      case "youtu" ->
          List.of("[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥\u3040-ゟ゠-ヿ]+", o200k("", "", "/"));
      case "afmoe" ->
          List.of(
              "\\p{N}{1,3}(?=(?:\\p{N}{3})*(?!\\p{N}))",
              "[\\u4e00-\\u9fff\\u3400-\\u4dbf\\uf900-\\ufaff\\u3040-\\u309f\\u30a0-\\u30ff\\uff65-\\uff9f"
                  + "\\u2f00-\\u2fdf\\u0e00-\\u0e7f\\u0e80-\\u0eff\\u1780-\\u17ff\\u1000-\\u109f"
                  + "\\uaa60-\\uaa7f\\ua9e0-\\ua9ff\\uac00-\\ud7af\\u1100-\\u11ff]+",
              deepSeek("[\r\n]*|\\s*[\r\n]+"));
      case "tiny_aya" ->
          List.of("\\d{1,3}(?=(?:\\d{3})*(?!" + WORD + "))", o200k("", "{1,3}", "/"));
      case "superbpe" -> List.of("\\p{N}+", "(?=(\\d{3})+(?!\\d))");
      default -> throw new IllegalArgumentException(preTokenizer);
    };
  }

  /**
   * Returns OpenAI's expression with additional letters, the number of digits in a group, and the
   * characters that end a run of symbols.
   */
  private static String o200k(String letters, String digits, String after) {
    String upper = "[[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]" + letters + "]";
    String lower = "[[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]" + letters + "]";
    String before = "[^\\r\\n\\p{L}\\p{N}]?";
    String contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|";
    return before
        + (upper + "*" + lower + "+" + contractions + before)
        + (upper + "+" + lower + "*" + contractions)
        + ("\\p{N}" + digits + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n" + after + "]*")
        + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  }

  /** Returns DeepSeek's expression with the characters that may follow symbols. */
  private static String deepSeek(String after) {
    return "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
        + "|[^\r\n\\p{L}\\p{IsP}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{IsP}\\p{S}]+"
        + (after + "|\\s+(?!\\S)|\\s+");
  }

  private static final Map<String, Pattern> PATTERNS = new ConcurrentHashMap<>();

  private final String preTokenizer;
  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<String, Integer> ranks = new HashMap<>();

  ReferenceTokenizer(Vocabulary vocabulary) {
    preTokenizer = ((TokenModel.ByteLevelBpe) vocabulary.model()).preTokenizer();
    vocabulary.tokens().forEach(token -> ids.put(token, ids.size()));
    TestVocabulary.merges(vocabulary).forEach(merge -> ranks.put(merge, ranks.size()));
  }

  /** Splits bytes into words. */
  public static List<byte[]> words(String preTokenizer, byte[] bytes) {
    StringBuilder text = new StringBuilder();
    List<Integer> offsets = new ArrayList<>();
    for (int pos = 0; pos < bytes.length; ) {
      String character = characterAt(bytes, pos);
      int length = character.isEmpty() ? 1 : character.getBytes(StandardCharsets.UTF_8).length;
      text.append(character.isEmpty() ? "\ufffd" : character);
      while (offsets.size() < text.length()) {
        offsets.add(pos);
      }
      pos += length;
    }
    offsets.add(bytes.length);
    List<byte[]> words = new ArrayList<>();
    int start = 0;
    for (String word : cut(expressions(preTokenizer), text.toString())) {
      int end = start + word.length();
      words.add(Arrays.copyOfRange(bytes, offsets.get(start), offsets.get(end)));
      start = end;
    }
    return words;
  }

  private static List<String> cut(List<String> expressions, String text) {
    List<String> pieces = List.of(text);
    for (String expression : expressions) {
      List<String> cut = new ArrayList<>();
      for (String piece : pieces) {
        Matcher matcher = pattern(expression).matcher(piece);
        int done = 0;
        while (matcher.find()) {
          cut.add(piece.substring(done, matcher.start()));
          cut.add(matcher.group());
          done = matcher.end();
        }
        cut.add(piece.substring(done));
        cut.removeIf(String::isEmpty);
      }
      pieces = cut;
    }
    return pieces;
  }

  private static Pattern pattern(String expression) {
    return PATTERNS.computeIfAbsent(
        expression, text -> Pattern.compile(text, Pattern.UNICODE_CHARACTER_CLASS));
  }

  /** Returns the well-formed character that begins at {@code pos}, or an empty string. */
  private static String characterAt(byte[] bytes, int pos) {
    for (int length = 1; length <= Math.min(4, bytes.length - pos); length++) {
      byte[] some = Arrays.copyOfRange(bytes, pos, pos + length);
      String text = new String(some, StandardCharsets.UTF_8);
      if (Arrays.equals(text.getBytes(StandardCharsets.UTF_8), some)) {
        return text;
      }
    }
    return "";
  }

  /** Encodes bytes without BOS and EOS. */
  int[] encode(byte[] bytes) {
    List<Integer> out = new ArrayList<>();
    for (byte[] word : words(preTokenizer, bytes)) {
      String spelled = spell(word);
      boolean whole = preTokenizer.equals("llama-bpe") && ids.containsKey(spelled);
      for (String token : whole ? List.of(spelled) : merge(spelled)) {
        out.add(Objects.requireNonNull(ids.get(token)));
      }
    }
    return out.stream().mapToInt(Integer::intValue).toArray();
  }

  private List<String> merge(String word) {
    List<String> tokens = new ArrayList<>(Arrays.asList(word.split("")));
    while (true) {
      int first = -1;
      int lowest = Integer.MAX_VALUE;
      for (int i = 0; i + 1 < tokens.size(); i++) {
        int rank = ranks.getOrDefault(tokens.get(i) + " " + tokens.get(i + 1), lowest);
        if (rank < lowest) {
          lowest = rank;
          first = i;
        }
      }
      if (first < 0) {
        return tokens;
      }
      tokens.set(first, tokens.get(first) + tokens.remove(first + 1));
    }
  }

  /** Spells bytes as GPT-2 does: printable Latin-1 literally, the rest from U+0100 on. */
  static String spell(byte[] bytes) {
    StringBuilder strangers = new StringBuilder();
    for (char c = 0; c < 256; c++) {
      if (!((c >= '!' && c <= '~') || (c >= '¡' && c <= '¬') || c >= '®')) {
        strangers.append(c);
      }
    }
    StringBuilder spelled = new StringBuilder();
    for (byte b : bytes) {
      char c = (char) Byte.toUnsignedInt(b);
      int stranger = strangers.indexOf(String.valueOf(c));
      spelled.append(stranger < 0 ? c : (char) (256 + stranger));
    }
    return spelled.toString();
  }
}
