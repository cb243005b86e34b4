package dev.vidrio.tokenizer.word;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.tokenizer.RandomText;
import dev.vidrio.tokenizer.ReferenceTokenizer;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.text.WorkLimit;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class WordSplitterTest {

  private static final Map<String, WordSplitter> SPLITTERS = new ConcurrentHashMap<>();

  private static WordSplitter splitter(String preTokenizer) {
    return SPLITTERS.computeIfAbsent(
        preTokenizer, name -> PreTokenizer.find(name).orElseThrow().splitter());
  }

  private static List<String> words(String preTokenizer, byte[] text) {
    return words(preTokenizer, text, 0, text.length);
  }

  private static List<String> words(String preTokenizer, byte[] text, int start, int end) {
    List<String> words = new ArrayList<>();
    splitter(preTokenizer)
        .split(
            text,
            start,
            end,
            new WorkLimit(end - start),
            (piece, from, to) ->
                words.add(new String(piece, from, to - from, StandardCharsets.ISO_8859_1)));
    return words;
  }

  private static List<String> referenceWords(String preTokenizer, byte[] text) {
    return ReferenceTokenizer.words(preTokenizer, text).stream()
        .map(word -> new String(word, StandardCharsets.ISO_8859_1))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gpt-2",
        "llama-bpe",
        "qwen2",
        "smollm",
        "kimi-k2",
        "jais-2",
        "chameleon",
        "spark2_5",
        "youtu",
        "afmoe",
        "tiny_aya",
        "superbpe"
      })
  void splitsLikeBacktrackingMatcher(String preTokenizer) {
    RandomText random = new RandomText(1);
    for (int i = 0; i < RandomText.COUNT; i++) {
      String text = random.text();
      byte[] utf8 = Utf8.encode(text);
      assertEquals(referenceWords(preTokenizer, utf8), words(preTokenizer, utf8), text);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "llama-bpe", "qwen2", "smollm"})
  void treatsIllFormedBytesAsSymbols(String preTokenizer) {
    RandomText random = new RandomText(2);
    for (int i = 0; i < RandomText.COUNT; i++) {
      byte[] bytes = random.bytes();
      assertEquals(
          referenceWords(preTokenizer, bytes),
          words(preTokenizer, bytes),
          () -> Arrays.toString(bytes));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "llama-bpe", "qwen2", "smollm"})
  void ignoresBytesBeyondEnd(String preTokenizer) {
    byte[] text = "a'll  b\r\n\n12é".getBytes(StandardCharsets.UTF_8);
    for (int end = 1; end <= text.length; end++) {
      byte[] cut = Arrays.copyOf(text, end);
      for (int start = 0; start < end; start++) {
        assertEquals(words(preTokenizer, cut, start, end), words(preTokenizer, text, start, end));
      }
    }
  }

  /** Bounds the number of bytes read in vain, for any text. */
  @ParameterizedTest
  @MethodSource("preTokenizers")
  void takesLinearTime(String preTokenizer) {
    for (String piece :
        List.of(
            "a", "A", " ", "7", "\n", " \n", "\n ", "\t ", "'", "\u0301", "語", "👍", "!", "<|",
            "a ", " a7")) {
      for (String tail : List.of("", "x", "\n", " ", "1", ".")) {
        byte[] text = (piece.repeat(500) + tail).getBytes(StandardCharsets.UTF_8);
        WorkLimit limit = new WorkLimit(text.length);
        splitter(preTokenizer).split(text, 0, text.length, limit, (bytes, start, end) -> {});
        assertTrue(
            limit.steps() <= 16L * text.length, () -> piece + tail + " takes " + limit.steps());
      }
    }
  }

  private static Stream<String> preTokenizers() {
    return Stream.of(
        "gpt-2",
        "smollm",
        "llama-bpe",
        "qwen2",
        "qwen35",
        "ufakzeka",
        "seed-coder",
        "bailingmoe",
        "exaone-moe",
        "gpt-4o",
        "tekken",
        "bloom",
        "viking",
        "falcon",
        "default",
        "deepseek-coder",
        "deepseek-llm",
        "deepseek-v3",
        "laguna",
        "minicpm5",
        "kimi-k2",
        "jais-2",
        "chameleon",
        "spark2_5",
        "youtu",
        "afmoe",
        "tiny_aya",
        "superbpe");
  }

  @Test
  void resolvesAliases() {
    assertSame(
        PreTokenizer.find("llama3").orElseThrow(), PreTokenizer.find("llama-bpe").orElseThrow());
    assertSame(
        PreTokenizer.find("starcoder").orElseThrow(), PreTokenizer.find("smollm").orElseThrow());
    PreTokenizer roberta = PreTokenizer.find("roberta-bpe").orElseThrow();
    assertEquals(PreTokenizer.find("gpt-2").orElseThrow(), roberta);
    assertTrue(PreTokenizer.isRoberta("jina-v1-en"));
    assertFalse(PreTokenizer.isRoberta("jina-v2-de"));
    assertTrue(PreTokenizer.find("sarvam-moe").isEmpty());
  }
}
