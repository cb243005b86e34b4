package dev.vidrio.tokenizer.vocabulary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.TestVocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VocabularyTest {

  private static String refusal(
      Class<? extends ModelException> kind, TestVocabulary.Builder broken) {
    return assertThrows(kind, broken::tokenizer).getMessage();
  }

  @Test
  void rejectsDuplicateTokens() {
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.tokens'[256] 'a': is a duplicate of token 97",
        refusal(ModelFileException.class, TestVocabulary.bytes().control("a")));
  }

  @ParameterizedTest
  @CsvSource({"NORMAL", "CONTROL", "USER_DEFINED", "UNKNOWN", "BYTE"})
  void rejectsEmptyUsedTokens(TokenType type) {
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.tokens'[256] '': must not be empty",
        refusal(ModelFileException.class, TestVocabulary.bytes().token("", type)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"<0x1>", "<0x100>", "0x10", "<0xG0>", "<0x+1>"})
  void rejectsMisspelledByteTokens(String spelling) {
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.tokens'[256] '"
            + spelling
            + "': must be spelled like '<0x0A>': it is a byte token",
        refusal(ModelFileException.class, TestVocabulary.bytes().token(spelling, TokenType.BYTE)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "ab", "a ", " a", "a b c", "a  b"})
  void rejectsMalformedMerges(String merge) {
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.merges'[1] '"
            + merge
            + "': must be two tokens separated by a space",
        refusal(ModelFileException.class, TestVocabulary.bytes().merged("h e").merge(merge)));
  }

  @ParameterizedTest
  @CsvSource({"zz a, zz", "a zz, zz", "a b, ab"})
  void rejectsMergesOfMissingTokens(String merge, String absent) {
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.merges'[0] '"
            + merge
            + "': needs the missing token '"
            + absent
            + "'",
        refusal(ModelFileException.class, TestVocabulary.bytes().merge(merge)));
  }

  @Test
  void rejectsDuplicateMerges() {
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.merges'[1] 'h e': is a duplicate of merge 0",
        refusal(ModelFileException.class, TestVocabulary.bytes().merged("h e").merge("h e")));
  }

  @Test
  void rejectsTypeCountMismatch() {
    TestVocabulary.Builder builder = TestVocabulary.bytes();
    builder.types.removeLast();
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.token_type' 255 types: must be one for each of 256 tokens",
        refusal(ModelFileException.class, builder));
  }

  @Test
  void rejectsEmptyVocabulary() {
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.tokens': must not be empty",
        refusal(ModelFileException.class, new TestVocabulary.Builder()));
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 256, Integer.MAX_VALUE})
  void rejectsRolesOfMissingTokens(int id) {
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.padding_token_id' " + id + ": must be 0 to 255",
        refusal(ModelFileException.class, TestVocabulary.bytes().role(TokenRole.PADDING, id)));
  }

  @Test
  void rejectsMissingBosAndEos() {
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.bos_token_id': is missing, but add_bos_token is true",
        refusal(ModelFileException.class, TestVocabulary.bytes().addBos()));
    assertEquals(
        "test.gguf: key 'tokenizer.ggml.eos_token_id': is missing, but add_eos_token is true",
        refusal(ModelFileException.class, TestVocabulary.bytes().addEos()));
  }

  @Test
  void rejectsUnknownPreTokenizersByName() {
    assertEquals(
        "test.gguf: pre-tokenizer 'sarvam-moe' is not supported: supported: gpt-2, llama-bpe,"
            + " qwen2, smollm, falcon, deepseek-llm, gpt-4o, tekken and others",
        refusal(
            UnsupportedModelException.class, TestVocabulary.bytes().preTokenizer("sarvam-moe")));
  }

  @Test
  void copiesLists() {
    List<String> tokens = new ArrayList<>(List.of("a"));
    Vocabulary vocabulary =
        new Vocabulary(
            "x",
            new TokenModel.ByteLevelBpe("gpt-2", List.of(), Normalization.NONE),
            tokens,
            List.of(TokenType.NORMAL),
            Map.of(),
            false,
            false,
            LiteralRules.NONE);
    tokens.add("b");
    assertEquals(List.of("a"), vocabulary.tokens());
  }
}
