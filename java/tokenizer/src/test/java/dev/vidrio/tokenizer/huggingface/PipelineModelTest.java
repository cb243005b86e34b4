package dev.vidrio.tokenizer.huggingface;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Ids from Hugging Face tokenizers (generate_pipelines.py). */
class PipelineModelTest {

  private static final JsonMapper MAPPER = new JsonMapper();
  private static final String WORDS = "hugging-face-words.json";
  private static final String UNIGRAM = "hugging-face-unigram.json";

  @TempDir private Path directory;

  private Vocabulary read(JsonNode file) throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), file.toString());
    return Tokenizers.readHuggingFace(directory);
  }

  private static Stream<HuggingFacePipelines> pipelines() throws IOException {
    return Stream.of(
            HuggingFacePipelines.read(WORDS),
            HuggingFacePipelines.read("hugging-face-bytes.json"),
            HuggingFacePipelines.read(UNIGRAM))
        .flatMap(List::stream);
  }

  @ParameterizedTest
  @MethodSource("pipelines")
  void encodesAndDecodesLikeHuggingFace(HuggingFacePipelines pipeline) throws IOException {
    Vocabulary vocabulary = read(pipeline.file());
    assertInstanceOf(TokenModel.Pipeline.class, vocabulary.model());
    pipeline.check(Tokenizers.of(vocabulary));
  }

  /** Terminates only if no step is repeated for each byte. */
  @ParameterizedTest
  @ValueSource(strings = {"t5", "bytes", "words"})
  @Tag("long")
  void encodesLongRuns(String name) throws IOException {
    Tokenizer tokenizer = Tokenizers.of(read(HuggingFacePipelines.read(UNIGRAM, name).file()));
    for (String piece : List.of("a", " ", "é", "語", "👍", "<sep", " a", "\u200d")) {
      String text = piece.repeat((1 << 18) / piece.length());
      assertTrue(tokenizer.encode(text).length <= 4 * text.length() + 1, piece);
    }
  }

  @Test
  void doesNotProduceControlTokensFromText() throws IOException {
    Tokenizer tokenizer = Tokenizers.of(read(HuggingFacePipelines.read(UNIGRAM, "words").file()));
    int[] ids = tokenizer.encode("a <s> </s>", new EncodeOptions(false, false));
    assertTrue(Arrays.stream(ids).noneMatch(tokenizer::isSpecial), Arrays.toString(ids));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      value = {
        "normalizer; {'type':'Nmt'}; normalizer 'Nmt'",
        "normalizer; {'type':'Replace','pattern':{'Regex':'(?<=a)b'},'content':''}; '(?<=a)b'",
        "normalizer; {'type':'Replace','pattern':{'Regex':'a*'},'content':''}; matches the empty"
            + " string",
        "normalizer; {'type':'Replace','pattern':{'String':''},'content':''}; matches the empty"
            + " string",
        "pre_tokenizer; {'type':'UnicodeScripts'}; pre_tokenizer 'UnicodeScripts'",
        "pre_tokenizer; {'type':'Split','pattern':{'Regex':'[[:alpha:]]+'},'behavior':'Removed'};"
            + " '[[:alpha:]]+', which has a POSIX class",
        "pre_tokenizer; {'type':'Split','pattern':{'Regex':'a++'},'behavior':'Removed'}; 'a++'",
        "pre_tokenizer; {'type':'Split','pattern':{'String':'a'},'behavior':'Often'};"
            + " behavior 'Often'",
        "pre_tokenizer; {'type':'Metaspace','replacement':'▁▁'}; replacement '▁▁'",
        "pre_tokenizer; {'type':'Metaspace','replacement':'▁','prepend_scheme':'often'};"
            + " prepend_scheme 'often'",
        "decoder; {'type':'CTC'}; decoder 'CTC'",
        "decoder; {'type':'Strip','content':' ','start':1,'stop':0}; Strip without Fuse",
        "post_processor; {'type':'Mystery'}; post_processor 'Mystery'",
      })
  void rejectsUnsupportedStepsByName(String stage, String json, String expected)
      throws IOException {
    ObjectNode file = HuggingFacePipelines.read(WORDS, "nothing").file();
    file.set(stage, MAPPER.readTree(json.replace('\'', '"')));
    String message = assertThrows(UnsupportedModelException.class, () -> read(file)).getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsPrependSchemeFirstAfterOtherSteps() throws IOException {
    ObjectNode file = HuggingFacePipelines.read(WORDS, "words-metaspace").file();
    ((ObjectNode) file.get("pre_tokenizer").get("pretokenizers").get(1))
        .put("prepend_scheme", "first");
    String message = assertThrows(UnsupportedModelException.class, () -> read(file)).getMessage();
    assertTrue(message.contains("prepend_scheme 'first' after"), message);
  }

  @Test
  void rejectsInconsistentVocabularies() throws IOException {
    ObjectNode unknown = HuggingFacePipelines.read(WORDS, "nothing").file();
    ((ObjectNode) unknown.get("model")).put("unk_token", "<none>");
    assertRefused(unknown, "'<none>'");
    ObjectNode bytes = HuggingFacePipelines.read(WORDS, "lowercase").file();
    ((ObjectNode) bytes.get("model")).put("byte_fallback", true);
    assertRefused(bytes, "lacks the byte <0x00>");
    ObjectNode missing = HuggingFacePipelines.read(UNIGRAM, "t5").file();
    ((ObjectNode) missing.get("model")).put("unk_id", 1 << 20);
    assertRefused(missing, "unk_id");
    ObjectNode score = HuggingFacePipelines.read(UNIGRAM, "t5").file();
    score.get("model").withArray("vocab").set(5, MAPPER.readTree("[\"x\",\"much\"]"));
    assertRefused(score, "must be a number");
    ObjectNode table = HuggingFacePipelines.read(WORDS, "precompiled").file();
    ((ObjectNode) table.get("normalizer")).put("precompiled_charsmap", "????");
    assertRefused(table, "precompiled_charsmap");
  }

  private void assertRefused(ObjectNode file, String expected) {
    String message = assertThrows(ModelException.class, () -> read(file)).getMessage();
    assertTrue(message.contains(expected), message);
  }

  /** A normalizer with steps that each double the text. */
  @Test
  void rejectsUnboundedGrowth() throws IOException {
    ObjectNode file = HuggingFacePipelines.read(WORDS, "nothing").file();
    JsonNode step =
        MAPPER.readTree("{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aa\"}");
    ObjectNode normalizer = MAPPER.createObjectNode().put("type", "Sequence");
    for (int i = 0; i < 40; i++) {
      normalizer.withArray("normalizers").add(step);
    }
    file.set("normalizer", normalizer);
    Tokenizer tokenizer = Tokenizers.of(read(file));
    String text = "a".repeat(1000);
    assertThrows(InvalidInputException.class, () -> tokenizer.encode(text));
    for (int i = 0; i < 20; i++) {
      normalizer.withArray("normalizers").add(step);
    }
    assertRefused(file, "more than 50 steps");
  }

  @Test
  void rejectsInvalidJsonStages() {
    TokenModel.Pipeline broken = new TokenModel.Pipeline("{", List.of(), List.of());
    Vocabulary vocabulary =
        new Vocabulary(
            "file",
            broken,
            List.of("a"),
            List.of(TokenType.NORMAL),
            Map.of(),
            false,
            false,
            LiteralRules.NONE);
    String message =
        assertThrows(ModelFileException.class, () -> Tokenizers.of(vocabulary)).getMessage();
    assertTrue(message.contains("vidrio.tokenizer.pipeline"), message);
  }
}
