package dev.vidrio.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WordSplitterTest {

  private static WordSplitter splitter(String preTokenizer) {
    return PreTokenizer.find(preTokenizer).orElseThrow().splitter();
  }

  private static List<String> words(String preTokenizer, byte[] text) {
    List<String> words = new ArrayList<>();
    for (int start = 0; start < text.length; ) {
      int end = splitter(preTokenizer).endOfWord(text, start, text.length);
      words.add(new String(text, start, end - start, StandardCharsets.ISO_8859_1));
      start = end;
    }
    return words;
  }

  private static List<String> referenceWords(String preTokenizer, byte[] text) {
    return ReferenceTokenizer.words(preTokenizer, text).stream()
        .map(word -> new String(word, StandardCharsets.ISO_8859_1))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "llama-bpe", "qwen2", "smollm"})
  void splitsTextAsItsExpressionDoes(String preTokenizer) {
    RandomText random = new RandomText(1);
    for (int i = 0; i < 4000; i++) {
      String text = random.text();
      byte[] utf8 = Utf8.encode(text);
      assertEquals(referenceWords(preTokenizer, utf8), words(preTokenizer, utf8), text);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "llama-bpe", "qwen2", "smollm"})
  void takesEachIllFormedByteForASymbol(String preTokenizer) {
    RandomText random = new RandomText(2);
    for (int i = 0; i < 4000; i++) {
      byte[] bytes = random.bytes();
      assertEquals(
          referenceWords(preTokenizer, bytes),
          words(preTokenizer, bytes),
          () -> Arrays.toString(bytes));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "llama-bpe", "qwen2", "smollm"})
  void seesNothingBeyondTheEnd(String preTokenizer) {
    byte[] text = "a'll  b\r\n\n12é".getBytes(StandardCharsets.UTF_8);
    for (int end = 1; end <= text.length; end++) {
      byte[] cut = Arrays.copyOf(text, end);
      for (int start = 0; start < end; start++) {
        assertEquals(
            splitter(preTokenizer).endOfWord(cut, start, end),
            splitter(preTokenizer).endOfWord(text, start, end));
      }
    }
  }

  @Test
  void knowsTheNamesOfModelsThatShareWords() {
    assertSame(
        PreTokenizer.find("llama3").orElseThrow(), PreTokenizer.find("llama-bpe").orElseThrow());
    assertSame(splitter("dbrx"), splitter("llama-bpe"));
    assertSame(splitter("starcoder"), splitter("smollm"));
    assertTrue(PreTokenizer.find("tekken").isEmpty());
    assertTrue(PreTokenizer.find("default").isEmpty());
  }
}
