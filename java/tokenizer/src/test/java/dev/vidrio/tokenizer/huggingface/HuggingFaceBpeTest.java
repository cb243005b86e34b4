package dev.vidrio.tokenizer.huggingface;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import dev.vidrio.tokenizer.vocabulary.SpacePrefix;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** BPE with byte_fallback; ids from Hugging Face tokenizers (generate.py). */
class HuggingFaceBpeTest {

  private static final JsonMapper MAPPER = new JsonMapper();
  private static final EncodeOptions PLAIN = new EncodeOptions(true, false);

  @TempDir private Path directory;

  private static ObjectNode file(String pipeline) throws IOException {
    return HuggingFaceSample.read("hugging-face-bpe.json", pipeline).file();
  }

  private Vocabulary read(JsonNode file) throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), file.toString());
    return Tokenizers.readHuggingFace(directory);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "prepend",
        "replace",
        "metaspace-always",
        "metaspace-first",
        "metaspace-never",
        "strips"
      })
  void encodesLikeHuggingFace(String pipeline) throws IOException {
    HuggingFaceSample sample = HuggingFaceSample.read("hugging-face-bpe.json", pipeline);
    sample.check(Tokenizers.of(read(sample.file())));
  }

  /** A GGUF file preserves the tokenizer by scores, merges and space prefix. */
  @Test
  void derivesScoresFromMerges() throws IOException {
    Vocabulary vocabulary = read(file("prepend"));
    TokenModel.SentencePieceBpe bpe = (TokenModel.SentencePieceBpe) vocabulary.model();
    String first = bpe.merges().getFirst().replace(" ", "");
    assertEquals(0f, bpe.scores().get(vocabulary.tokens().indexOf(first)));
    assertEquals(-bpe.merges().size(), bpe.scores().get(vocabulary.tokens().indexOf("a")));
    assertEquals(SpacePrefix.EACH, bpe.spacePrefix());
    assertEquals(TokenType.BYTE, vocabulary.types().get(vocabulary.tokens().indexOf("<0x0A>")));
  }

  @Test
  void decodesRunsOfSpaces() throws IOException {
    Vocabulary vocabulary = read(file("replace"));
    int spaces = vocabulary.tokens().indexOf("▁▁▁");
    assertEquals("   ", Tokenizers.of(vocabulary).decode(new int[] {spaces}));
  }

  /** Terminates only if no step is repeated for each byte. */
  @ParameterizedTest
  @ValueSource(strings = {"a", " ", "▁", "é", "語", "<sep", " a"})
  void encodesLongRuns(String piece) throws IOException {
    Tokenizer tokenizer = Tokenizers.of(read(file("replace")));
    String text = piece.repeat((1 << 18) / piece.length());
    assertEquals(text.replace('▁', ' '), tokenizer.decode(tokenizer.encode(text, PLAIN)));
  }

  /** Tokenizers that GGUF cannot express become a pipeline. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        "normalizer; {'type':'Lowercase'}",
        "normalizer; {'type':'Prepend','prepend':'x'}",
        "normalizer; {'type':'Replace','pattern':{'Regex':' '},'content':'▁'}",
        "normalizer; {'type':'Replace','pattern':{'String':' '},'content':'_'}",
        "pre_tokenizer; {'type':'Whitespace'}",
        "pre_tokenizer; {'type':'Metaspace','replacement':'_','split':false}",
        "pre_tokenizer; {'type':'Metaspace','replacement':'▁','split':true}",
        "pre_tokenizer; null",
        "decoder; {'type':'Replace','pattern':{'String':'_'},'content':' '}",
      })
  void readsOtherStagesAsPipeline(String stage, String json) throws IOException {
    ObjectNode file = file(stage.equals("normalizer") ? "prepend" : "metaspace-never");
    file.set(stage, MAPPER.readTree(json.replace('\'', '"')));
    assertInstanceOf(TokenModel.Pipeline.class, read(file).model());
  }

  @Test
  void readsOtherTokensAndModelsAsPipeline() throws IOException {
    ObjectNode tokens = file("prepend");
    ((ObjectNode) tokens.get("added_tokens").get(3)).put("normalized", true);
    assertInstanceOf(TokenModel.Pipeline.class, read(tokens).model());
    ObjectNode model = file("replace");
    ((ObjectNode) model.get("model")).put("ignore_merges", true);
    assertInstanceOf(TokenModel.Pipeline.class, read(model).model());
  }

  @Test
  void rejectsMergesOfMissingTokens() throws IOException {
    ObjectNode file = file("replace");
    ObjectNode model = (ObjectNode) file.get("model");
    model.set("merges", MAPPER.readTree("[[\"a\",\"nothing\"]]"));
    Vocabulary vocabulary = read(file);
    String message =
        assertThrows(ModelFileException.class, () -> Tokenizers.of(vocabulary)).getMessage();
    assertTrue(message.contains("needs the missing token 'nothing'"), message);
  }
}
