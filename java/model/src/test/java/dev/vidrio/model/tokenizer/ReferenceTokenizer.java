package dev.vidrio.model.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Byte-level BPE as it is defined: words by the models' regular expressions, then one merge after
 * the other, each time the first in the list of merges. Knows no special tokens.
 */
final class ReferenceTokenizer {

  private static final String GPT_2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private static final String LLAMA_3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** Returns the expressions of a pre-tokenizer; each cuts the pieces that the one before left. */
  private static List<String> expressions(String preTokenizer) {
    return switch (preTokenizer) {
      case "gpt-2" -> List.of(GPT_2);
      case "llama-bpe" -> List.of(LLAMA_3);
      case "qwen2" -> List.of(LLAMA_3.replace("{1,3}", ""));
      case "smollm" -> List.of("\\p{N}|\\P{N}+", GPT_2);
      default -> throw new IllegalArgumentException(preTokenizer);
    };
  }

  private final String preTokenizer;
  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<String, Integer> ranks = new HashMap<>();

  ReferenceTokenizer(Vocabulary vocabulary) {
    preTokenizer = ((TokenModel.ByteLevelBpe) vocabulary.model()).preTokenizer();
    vocabulary.tokens().forEach(token -> ids.put(token, ids.size()));
    TestVocabulary.merges(vocabulary).forEach(merge -> ranks.put(merge, ranks.size()));
  }

  /** Cuts bytes into words. */
  static List<byte[]> words(String preTokenizer, byte[] bytes) {
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
      int flags = Pattern.UNICODE_CHARACTER_CLASS;
      List<String> cut = new ArrayList<>();
      for (String piece : pieces) {
        Matcher matcher = Pattern.compile(expression, flags).matcher(piece);
        while (matcher.find()) {
          cut.add(matcher.group());
        }
      }
      pieces = cut;
    }
    return pieces;
  }

  /** Returns the character that begins here, or an empty string if no well-formed one does. */
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

  /** Encodes bytes, without anything added. */
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

  /** Spells bytes as GPT-2 does: printable Latin-1 as it is, the rest from U+0100 on. */
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
