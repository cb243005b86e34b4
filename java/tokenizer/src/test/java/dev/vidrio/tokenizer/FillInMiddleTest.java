package dev.vidrio.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.tokenizer.FillInMiddle.Repository;
import dev.vidrio.tokenizer.FillInMiddle.SourceFile;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Expected prompts are spelled out; in these vocabularies, a byte is its own token. */
class FillInMiddleTest {

  private static final Repository REPOSITORY =
      new Repository("r", List.of(new SourceFile("a", "x"), new SourceFile("b", "y")), "c");

  private static TestVocabulary.Builder code() {
    return TestVocabulary.bytes().control("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>");
  }

  @Test
  void putsSuffixBeforeMiddle() {
    FillInMiddle code = FillInMiddle.of(code().tokenizer()).orElseThrow();
    assertArrayEquals(new int[] {256, 'a', 'b', 257, 'c', 258}, code.prompt("ab", "c"));
    assertArrayEquals(new int[] {256, 257, 258}, code.prompt("", ""));
  }

  @Test
  void putsFilesOfRepositoryFirst() {
    Tokenizer tokenizer = code().control("<|repo_name|>", "<|file_sep|>").tokenizer();
    assertArrayEquals(
        new int[] {
          259, 'r', '\n', 260, 'a', '\n', 'x', 260, 'b', '\n', 'y', 260, 'c', '\n', 256, 'p', 257,
          's', 258
        },
        FillInMiddle.of(tokenizer).orElseThrow().prompt(REPOSITORY, "p", "s"));
  }

  @Test
  void separatesFilesByTextWithoutSeparator() {
    Tokenizer tokenizer = code().tokenizer();
    assertEquals(
        "\n\n--- snippet ---\n\nx\n\n--- snippet ---\n\ny<|fim_prefix|>p<|fim_suffix|>s"
            + "<|fim_middle|>",
        tokenizer.decode(FillInMiddle.of(tokenizer).orElseThrow().prompt(REPOSITORY, "p", "s")));
  }

  @Test
  void beginsWithBosAndOmitsEos() {
    Tokenizer tokenizer =
        code()
            .control("<s>", "</s>")
            .role(TokenRole.BOS, 259)
            .role(TokenRole.EOS, 260)
            .addBos()
            .addEos()
            .tokenizer();
    FillInMiddle code = FillInMiddle.of(tokenizer).orElseThrow();
    assertArrayEquals(new int[] {259, 256, 'p', 257, 's', 258}, code.prompt("p", "s"));
    assertEquals(259, code.prompt(REPOSITORY, "p", "s")[0]);
  }

  @Test
  void treatsSpecialTokensInCodeAsText() {
    Tokenizer tokenizer = code().tokenizer();
    int[] prompt = FillInMiddle.of(tokenizer).orElseThrow().prompt("<|fim_middle|>", "");
    assertEquals("<|fim_middle|>".length() + 3, prompt.length);
    assertEquals(
        "<|fim_prefix|><|fim_middle|><|fim_suffix|><|fim_middle|>", tokenizer.decode(prompt));
  }

  @Test
  void returnsEmptyWithoutTokens() {
    Tokenizer half = TestVocabulary.bytes().control("<|fim_prefix|>", "<|fim_suffix|>").tokenizer();
    assertEquals(Optional.empty(), FillInMiddle.of(half));
  }

  @Test
  void runsExample() {
    Tokenizer tokenizer = code().tokenizer();
    assertEquals(
        "<|fim_prefix|>def area(r):\n    return <|fim_suffix|>\n\nprint(area(2))<|fim_middle|>",
        tokenizer.decode(TokenizerExamples.infill(tokenizer)));
  }
}
