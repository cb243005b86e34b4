package dev.vidrio.tokenizer.huggingface;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.RandomText;
import dev.vidrio.tokenizer.TestVocabulary;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/**
 * Maps pre-tokenizers of tokenizer.json to names; other tests compare the ids of the names with
 * Hugging Face tokenizers.
 */
class HuggingFaceVocabularyTest {

  private static final String GPT_2 =
      "{'type':'ByteLevel','add_prefix_space':false,'use_regex':true}";
  private static final String LLAMA_3 =
      "{'type':'Sequence','pretokenizers':[{'type':'Split','pattern':{'Regex':'(?i:\\\\u0027s|"
          + "\\\\u0027t|\\\\u0027re|\\\\u0027ve|\\\\u0027m|\\\\u0027ll|\\\\u0027d)|[^\\\\r"
          + "\\\\n"
          + "\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r"
          + "\\\\n"
          + "]*|\\\\s*[\\\\r"
          + "\\\\n"
          + "]+|\\\\s+(?!\\\\S)|\\\\s+'},'behavior':'Isolated','invert':false},"
          + "{'type':'ByteLevel','add_prefix_space':false,'use_regex':false}]}";

  @TempDir private Path directory;

  private Tokenizer read(String preTokenizer, boolean ignoreMerges) throws IOException {
    return Tokenizers.of(readVocabulary(preTokenizer, ignoreMerges));
  }

  private Vocabulary readVocabulary(String preTokenizer, boolean ignoreMerges) throws IOException {
    Vocabulary bard = TestVocabulary.bard();
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (String token : bard.tokens()) {
      vocabulary.put(token, vocabulary.size());
    }
    JsonMapper mapper = new JsonMapper();
    String model =
        mapper.writeValueAsString(
            Map.of(
                "type",
                "BPE",
                "vocab",
                vocabulary,
                "merges",
                TestVocabulary.merges(bard),
                "ignore_merges",
                ignoreMerges));
    Files.writeString(
        directory.resolve("tokenizer.json"),
        "{\"model\":"
            + model
            + json(
                ",'pre_tokenizer':"
                    + preTokenizer
                    + ",'added_tokens':[{'id':0,'content':'<|endoftext|>','special':true}],"
                    + "'post_processor':{'type':'TemplateProcessing','single':["
                    + "{'SpecialToken':{'id':'<|endoftext|>'}},{'Sequence':{'id':'A'}}]}}"));
    Files.writeString(
        directory.resolve("tokenizer_config.json"), json("{'eos_token':'<|endoftext|>'}"));
    return Tokenizers.readHuggingFace(directory);
  }

  private static String json(String text) {
    return text.replace('\'', '"').replace("\\\\u0027", "\\u0027");
  }

  private void assertAgrees(String preTokenizer, Tokenizer actual) {
    Tokenizer expected = Tokenizers.of(TestVocabulary.bard(preTokenizer));
    RandomText random = new RandomText(12);
    for (int i = 0; i < 500; i++) {
      String text = random.text();
      assertArrayEquals(expected.encode(text), actual.encode(text), text);
    }
    assertEquals(0, actual.bos().orElseThrow());
    assertEquals(0, actual.eos().orElseThrow());
    assertTrue(actual.isSpecial(0));
  }

  @Test
  void readsByteLevelBpe() throws IOException {
    assertAgrees("gpt-2", read(GPT_2, false));
    assertAgrees("llama-bpe", read(LLAMA_3, true));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'type':'Metaspace','replacement':'▁'}",
        "{'type':'ByteLevel','add_prefix_space':true}",
        "{'type':'Sequence','pretokenizers':[]}",
        "{'type':'Split','pattern':{'String':' '},'behavior':'Removed','invert':false}",
      })
  void readsOtherPreTokenizersAsPipeline(String preTokenizer) throws IOException {
    Vocabulary vocabulary = readVocabulary(preTokenizer, false);
    assertInstanceOf(TokenModel.Pipeline.class, vocabulary.model());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{'model':{'type':'WordLevel'}}; model 'WordLevel'",
        "{'model':{'type':'BPE','dropout':0.5}}; model with dropout",
        "{'model':{'type':'BPE','vocab':{'a':0}},'normalizer':{'type':'Nmt'}}; normalizer 'Nmt'",
      },
      quoteCharacter = '"')
  void rejectsOtherModelsByName(String file, String expected) throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), json(file));
    String message =
        assertThrows(UnsupportedModelException.class, () -> Tokenizers.readHuggingFace(directory))
            .getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsInvalidJson() throws IOException {
    for (String text : List.of("", "{", "[]", "{'model':{'type':'BPE','vocab':{'a':-1}}}")) {
      Files.writeString(directory.resolve("tokenizer.json"), json(text));
      assertThrows(ModelException.class, () -> Tokenizers.readHuggingFace(directory));
    }
    Files.delete(directory.resolve("tokenizer.json"));
    assertThrows(ModelFileException.class, () -> Tokenizers.readHuggingFace(directory));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "'vocab':{'a':0,'b':0}}; id of token 'b' 0: is already the id of token 'a'",
        "'vocab':{'a':0}},'added_tokens':[{'id':0,'content':'b'}]; id of token 'b' 0: is already",
        "'vocab':{'a':0,'a':1}}; invalid JSON: Duplicate",
      },
      quoteCharacter = '"')
  void rejectsDuplicateIdsAndTokens(String parts, String expected) throws IOException {
    Files.writeString(
        directory.resolve("tokenizer.json"), json("{'model':{'type':'BPE'," + parts + "}"));
    String message =
        assertThrows(ModelFileException.class, () -> Tokenizers.readHuggingFace(directory))
            .getMessage();
    assertTrue(message.contains(expected), message);
  }
}
