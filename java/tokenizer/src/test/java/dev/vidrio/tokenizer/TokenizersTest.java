package dev.vidrio.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizersTest {

  private static final String PREFIX = "tokenizer.ggml.";

  /** Returns a file with bytes as token ids, token 256 = {@code <s>} and a merge to 257. */
  private static GgufWriter file() {
    Vocabulary vocabulary = TestVocabulary.bytes().control("<s>").merged("h e").vocabulary();
    return new GgufWriter()
        .string("general.architecture", "llama")
        .string(PREFIX + "model", "gpt2")
        .string(PREFIX + "pre", "llama-bpe")
        .strings(PREFIX + "tokens", vocabulary.tokens())
        .int32s(
            PREFIX + "token_type",
            vocabulary.types().stream().mapToInt(TokenType::number).toArray())
        .strings(PREFIX + "merges", TestVocabulary.merges(vocabulary))
        .uint32(PREFIX + "bos_token_id", 256);
  }

  private static Tokenizer read(GgufWriter file) {
    return Tokenizers.fromGguf(
        Gguf.parse("x.gguf", MemorySegment.ofArray(file.toBytes())).metadata());
  }

  private static String refusal(Class<? extends ModelException> kind, GgufWriter file) {
    return assertThrows(kind, () -> read(file)).getMessage();
  }

  @Test
  void readsVocabularyOfFile() {
    Tokenizer tokenizer = read(file().uint32(PREFIX + "eot_token_id", 3));
    assertEquals(258, tokenizer.vocabularySize());
    assertTrue(tokenizer.isSpecial(256));
    assertEquals(OptionalInt.of(256), tokenizer.bos());
    assertEquals(OptionalInt.empty(), tokenizer.eos());
    assertEquals(OptionalInt.of(3), tokenizer.token(TokenRole.EOT));
    assertArrayEquals(new int[] {256, 257, 256}, tokenizer.encode("he<s>"));
  }

  @Test
  void ignoresPaddingBeyondVocabulary() {
    Tokenizer tokenizer = read(file().uint32(PREFIX + "padding_token_id", 258));
    assertEquals(OptionalInt.empty(), tokenizer.token(TokenRole.PADDING));
    String message = refusal(ModelFileException.class, file().uint32(PREFIX + "eos_token_id", 258));
    assertEquals("x.gguf: key 'tokenizer.ggml.eos_token_id' 258: must be 0 to 257", message);
  }

  @Test
  void prefersAddBosOfFile() {
    assertArrayEquals(new int[] {256, 257}, read(file()).encode("he"));
    GgufWriter never = file().bool(PREFIX + "add_bos_token", false);
    assertArrayEquals(new int[] {257}, read(never).encode("he"));
    GgufWriter gpt2 = file().string(PREFIX + "pre", "gpt-2");
    assertArrayEquals(new int[] {257}, read(gpt2).encode("he"));
    GgufWriter eos = gpt2.uint32(PREFIX + "eos_token_id", 7).bool(PREFIX + "add_eos_token", true);
    assertArrayEquals(new int[] {257, 7}, read(eos).encode("he"));
  }

  /** As in llama.cpp: its files declare neither the tokens nor their rules. */
  @Test
  void stripsSpaceAfterPhi3Tokens() {
    Vocabulary vocabulary =
        TestVocabulary.bytes().control("<s>", "<|end|>", "<|user|>").vocabulary();
    GgufWriter file =
        file()
            .strings(PREFIX + "tokens", vocabulary.tokens())
            .int32s(
                PREFIX + "token_type",
                vocabulary.types().stream().mapToInt(TokenType::number).toArray())
            .strings(PREFIX + "merges", List.of())
            .bool(PREFIX + "add_bos_token", false);
    String text = "<s> a<|user|> \u3000\nb";
    assertEquals(10, read(file).encode(text).length);
    int[] stripped = {256, ' ', 'a', 258, 'b'};
    assertArrayEquals(stripped, read(file.string("general.name", "My Phi-3 mini")).encode(text));
    int[] left = {256, ' ', 'a', 258, ' ', 0xE3, 0x80, 0x80, '\n', 'b'};
    assertArrayEquals(left, read(file.int32s(LiteralRules.LEFT, 258)).encode(text));
    int[] both = {256, ' ', 'a', 258, 'b', 257, 'c'};
    GgufWriter keys = file.int32s(LiteralRules.LEFT, 257).int32s(LiteralRules.RIGHT, 258);
    assertArrayEquals(both, read(keys).encode("<s> a<|user|> b \u3000<|end|>c"));
  }

  @Test
  void treatsUntypedTokensAsText() {
    Tokenizer tokenizer = read(file().remove(PREFIX + "token_type"));
    assertArrayEquals(new int[] {256, '<', 's', '>'}, tokenizer.encode("<s>"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"whitespace", "rwkv", "plamo2", "no_vocab", ""})
  void rejectsUnsupportedModelsByName(String model) {
    assertEquals(
        "x.gguf: tokenizer '"
            + model
            + "' is not supported: supported: gpt2 (byte-level BPE), llama and gemma4"
            + " (SentencePiece BPE), t5 (unigram), bert (WordPiece), vidrio (Hugging"
            + " Face pipeline)",
        refusal(UnsupportedModelException.class, file().string(PREFIX + "model", model)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"model", "tokens", "merges"})
  void rejectsMissingKeys(String key) {
    assertEquals(
        "x.gguf: key '" + PREFIX + key + "': is missing",
        refusal(ModelFileException.class, file().remove(PREFIX + key)));
  }

  @Test
  void rejectsUnknownPreTokenizers() {
    assertTrue(
        refusal(UnsupportedModelException.class, file().string(PREFIX + "pre", "telegram"))
            .startsWith("x.gguf: pre-tokenizer 'telegram' is not supported: "));
  }

  @Test
  void rejectsIdsAndTypesOutOfRange() {
    assertEquals(
        "x.gguf: key 'tokenizer.ggml.eos_token_id' 258: must be 0 to 257",
        refusal(ModelFileException.class, file().uint32(PREFIX + "eos_token_id", 258)));
    assertEquals(
        "x.gguf: key 'tokenizer.ggml.token_type'[1] 7: must be 1 to 6",
        refusal(ModelFileException.class, file().int32s(PREFIX + "token_type", 1, 7)));
    assertEquals(
        "x.gguf: key 'tokenizer.ggml.token_type' 2 types: must be one for each of 258 tokens",
        refusal(ModelFileException.class, file().int32s(PREFIX + "token_type", 1, 1)));
  }
}
