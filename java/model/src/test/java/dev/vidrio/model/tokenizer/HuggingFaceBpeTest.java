package dev.vidrio.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.ModelFileException;
import dev.vidrio.model.UnsupportedModelException;
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

/** BPE with byte_fallback: the ids are those of Hugging Face tokenizers (see generate.py). */
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
  void encodesAsHuggingFaceDoes(String pipeline) throws IOException {
    HuggingFaceSample sample = HuggingFaceSample.read("hugging-face-bpe.json", pipeline);
    sample.check(Tokenizers.of(read(sample.file())));
  }

  /** A GGUF file says the same with its scores, merges and the kind of space before a stretch. */
  @Test
  void scoresFollowTheRanksOfMerges() throws IOException {
    Vocabulary vocabulary = read(file("prepend"));
    TokenModel.SentencePieceBpe bpe = (TokenModel.SentencePieceBpe) vocabulary.model();
    String first = bpe.merges().getFirst().replace(" ", "");
    assertEquals(0f, bpe.scores().get(vocabulary.tokens().indexOf(first)));
    assertEquals(-bpe.merges().size(), bpe.scores().get(vocabulary.tokens().indexOf("a")));
    assertEquals(SpacePrefix.EACH, bpe.spacePrefix());
    assertEquals(TokenType.BYTE, vocabulary.types().get(vocabulary.tokens().indexOf("<0x0A>")));
  }

  @Test
  void tokensOfRunsOfSpacesDecodeToSpaces() throws IOException {
    Vocabulary vocabulary = read(file("replace"));
    int spaces = vocabulary.tokens().indexOf("▁▁▁");
    assertEquals("   ", Tokenizers.of(vocabulary).decode(new int[] {spaces}));
  }

  /** These end only because no step is repeated for each byte. */
  @ParameterizedTest
  @ValueSource(strings = {"a", " ", "▁", "é", "語", "<sep", " a"})
  void takesLongRunsOfAnything(String piece) throws IOException {
    Tokenizer tokenizer = Tokenizers.of(read(file("replace")));
    String text = piece.repeat((1 << 18) / piece.length());
    assertEquals(text.replace('▁', ' '), tokenizer.decode(tokenizer.encode(text, PLAIN)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        "normalizer; {'type':'Lowercase'}; normalizer 'Lowercase'",
        "normalizer; {'type':'Prepend','prepend':'x'}; Prepend of other than",
        "normalizer; {'type':'Replace','pattern':{'Regex':' '},'content':'▁'}; Replace of other",
        "normalizer; {'type':'Replace','pattern':{'String':' '},'content':'_'}; Replace of other",
        "pre_tokenizer; {'type':'Whitespace'}; pre_tokenizer 'Whitespace'",
        "pre_tokenizer; {'type':'Metaspace','replacement':'_','split':false}; other replacement",
        "pre_tokenizer; {'type':'Metaspace','replacement':'▁','split':true}; Metaspace with split",
        "pre_tokenizer; {'type':'Metaspace','replacement':'▁','split':false,"
            + "'prepend_scheme':'often'}; prepend_scheme 'often'",
        "pre_tokenizer; null; byte_fallback without Replace or Metaspace",
        "decoder; {'type':'WordPiece'}; decoder 'WordPiece'",
        "post_processor; {'type':'BertProcessing'}; post_processor 'BertProcessing'",
      })
  void refusesWhatItCannotDoByName(String stage, String json, String expected) throws IOException {
    String pipeline = stage.equals("normalizer") ? "prepend" : "metaspace-never";
    ObjectNode file = file(pipeline);
    file.set(stage, MAPPER.readTree(json.replace('\'', '"')));
    assertRefused(file, expected);
  }

  private void assertRefused(ObjectNode file, String expected) {
    String message = assertThrows(UnsupportedModelException.class, () -> read(file)).getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void refusesTokensThatTheNormalizerChanges() throws IOException {
    ObjectNode file = file("prepend");
    ((ObjectNode) file.get("added_tokens").get(3)).put("normalized", true);
    assertRefused(file, "added token '<end>' with normalized");
  }

  @Test
  void refusesWordsThatAreTokensWithoutMerging() throws IOException {
    ObjectNode file = file("replace");
    ((ObjectNode) file.get("model")).put("ignore_merges", true);
    assertRefused(file, "byte_fallback and ignore_merges");
  }

  @Test
  void refusesMergesOfNoTokens() throws IOException {
    ObjectNode file = file("replace");
    ObjectNode model = (ObjectNode) file.get("model");
    model.set("merges", MAPPER.readTree("[[\"a\",\"nothing\"]]"));
    Vocabulary vocabulary = read(file);
    String message =
        assertThrows(ModelFileException.class, () -> Tokenizers.of(vocabulary)).getMessage();
    assertTrue(message.contains("needs the token 'nothing'"), message);
  }
}
