package dev.vidrio.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Expected sets are those of llama.cpp's {@code llama_vocab_is_eog}. */
class SpecialTokensTest {

  private static final EncodeOptions PLAIN = new EncodeOptions(false, false);

  @Test
  void endsGenerationAtRolesAndSpellings() {
    Tokenizer tokenizer =
        TestVocabulary.bytes()
            .control("<s>", "<stop>", "<|im_end|>", "<|endoftext|>", "<|im_start|>", "<reponame>")
            .control("<fim_prefix>", "<fim_pad>", "<|eom_id|>", "<turn>")
            .role(TokenRole.BOS, 256)
            .role(TokenRole.EOS, 257)
            .tokenizer();
    assertEquals(Set.of(257, 258, 259, 261, 263, 264), tokenizer.endOfGeneration());
    assertTrue(tokenizer.isEndOfGeneration(257));
    assertFalse(tokenizer.isEndOfGeneration(256));
    assertEquals(OptionalInt.of(258), tokenizer.token(TokenRole.EOT));
    assertEquals(OptionalInt.of(264), tokenizer.token(TokenRole.EOM));
    assertEquals(OptionalInt.of(262), tokenizer.token(TokenRole.FIM_PREFIX));
  }

  @Test
  void prefersDeclaredRoles() {
    Tokenizer tokenizer =
        TestVocabulary.bytes()
            .control("<|im_end|>", "<over>", "<fim_pad>", "<pad>")
            .role(TokenRole.EOT, 257)
            .role(TokenRole.FIM_PADDING, 259)
            .tokenizer();
    assertEquals(OptionalInt.of(257), tokenizer.token(TokenRole.EOT));
    assertEquals(Set.of(256, 257, 259), tokenizer.endOfGeneration());
  }

  @Test
  void prefersSpellingsToTypes() {
    Tokenizer tokenizer =
        TestVocabulary.bytes()
            .token("<|im_end|>", TokenType.NORMAL)
            .token("<|fim_prefix|>", TokenType.USER_DEFINED)
            .control("<|message|>")
            .tokenizer();
    assertTrue(tokenizer.isSpecial(256));
    assertTrue(tokenizer.isSpecial(257));
    assertFalse(tokenizer.isSpecial(258));
    assertArrayEquals(new int[] {256, 257}, tokenizer.encode("<|im_end|><|fim_prefix|>"));
    assertEquals(14, tokenizer.encode("<|fim_prefix|>", PLAIN).length);
    assertArrayEquals(new int[] {258}, tokenizer.encode("<|message|>", PLAIN));
  }

  @Test
  void continuesAfterEndIfCallsEnd() {
    Tokenizer harmony =
        TestVocabulary.bytes().control("<|end|>", "<|return|>", "<|call|>").tokenizer();
    assertEquals(Set.of(257, 258), harmony.endOfGeneration());
    assertFalse(harmony.isSpecial(256));
    Tokenizer solar =
        TestVocabulary.bytes().control("<|flush|>", "<|calls|>", "<|end|>").tokenizer();
    assertEquals(Set.of(256, 257), solar.endOfGeneration());
    Tokenizer phi = TestVocabulary.bytes().control("<|end|>", "<|return|>").tokenizer();
    assertEquals(Set.of(256, 257), phi.endOfGeneration());
  }

  @Test
  void treatsEosAsTextIfToolResponsesEnd() {
    Tokenizer tokenizer = TestVocabulary.bytes().control("</s>", "<|tool_response>").tokenizer();
    assertEquals(Set.of(257), tokenizer.endOfGeneration());
    assertFalse(tokenizer.isSpecial(256));
    assertEquals(Set.of(256), TestVocabulary.bytes().control("</s>").tokenizer().endOfGeneration());
  }
}
