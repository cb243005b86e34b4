package dev.vidrio.tokenizer.huggingface;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.EncodedPair;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import dev.vidrio.tokenizer.vocabulary.PairTemplate;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Ids and types from Hugging Face tokenizers (generate_wordpiece.py). */
class WordPieceTest {

  private static final String RESOURCE = "hugging-face-wordpiece.json";
  private static final String PREFIX = "tokenizer.ggml.";

  @TempDir private Path directory;

  private static HuggingFacePipelines pipeline(String name) throws IOException {
    return HuggingFacePipelines.read(RESOURCE, name);
  }

  private Vocabulary read(String name) throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), pipeline(name).file().toString());
    return Tokenizers.readHuggingFace(directory);
  }

  private static void check(String name, Tokenizer tokenizer) throws IOException {
    pipeline(name).check(tokenizer);
    try (InputStream in = WordPieceTest.class.getResourceAsStream(RESOURCE)) {
      JsonNode all = new JsonMapper().readTree(Objects.requireNonNull(in));
      for (JsonNode pipeline : all.get("pipelines")) {
        if (pipeline.get("name").stringValue().equals(name)) {
          checkPairs(all.get("pairs"), pipeline.get("pairs"), tokenizer);
        }
      }
    }
  }

  private static void checkPairs(JsonNode pairs, JsonNode expected, Tokenizer tokenizer) {
    for (int i = 0; i < pairs.size(); i++) {
      JsonNode pair = pairs.get(i);
      int most = pair.get(2).intValue() == 0 ? Integer.MAX_VALUE : pair.get(2).intValue();
      String first = pair.get(0).stringValue();
      String second = pair.get(1).stringValue();
      int special = tokenizer.pairTemplate().specialTokens();
      if (most < special) {
        assertThrows(
            InvalidInputException.class,
            () -> tokenizer.encodePair(first, second, EncodeOptions.DEFAULT, most));
        continue;
      }
      EncodedPair actual = tokenizer.encodePair(first, second, EncodeOptions.DEFAULT, most);
      assertEquals(
          expected.get(i).toString(),
          (Arrays.toString(actual.ids()) + "," + Arrays.toString(actual.types()))
              .replace(" ", "")
              .transform(text -> "[" + text + "]"),
          pair::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"uncased", "cased", "accents", "stripped"})
  void readsBert(String name) throws IOException {
    Vocabulary vocabulary = read(name);
    assertEquals(
        new TokenModel.WordPiece(
            name.equals("uncased") || name.equals("accents"),
            name.equals("uncased") || name.equals("stripped")),
        vocabulary.model());
    check(name, Tokenizers.of(vocabulary));
  }

  @ParameterizedTest
  @ValueSource(strings = {"uncleaned", "joined", "short", "words"})
  void readsOtherWordPieceAsPipeline(String name) throws IOException {
    Vocabulary vocabulary = read(name);
    assertTrue(vocabulary.model() instanceof TokenModel.Pipeline);
    check(name, Tokenizers.of(vocabulary));
  }

  private static GgufWriter gguf(Vocabulary vocabulary) {
    return new GgufWriter()
        .string("general.architecture", "bert")
        .string(PREFIX + "model", "bert")
        .strings(PREFIX + "tokens", vocabulary.tokens())
        .int32s(
            PREFIX + "token_type",
            vocabulary.types().stream().mapToInt(TokenType::number).toArray())
        .uint32(PREFIX + "unknown_token_id", 1)
        .uint32(PREFIX + "seperator_token_id", 3);
  }

  private static Tokenizer parse(GgufWriter file) {
    return Tokenizers.fromGguf(
        Gguf.parse("x.gguf", MemorySegment.ofArray(file.toBytes())).metadata());
  }

  @Test
  void readsBertOfGguf() throws IOException {
    GgufWriter old = gguf(read("uncased")).uint32(PREFIX + "cls_token_id", 2);
    check("uncased", parse(old));
    GgufWriter cased = gguf(read("cased")).uint32(PREFIX + "bos_token_id", 2);
    check("cased", parse(cased.bool(PREFIX + "normalizer.lowercase", false)));
    GgufWriter stripped =
        gguf(read("stripped"))
            .uint32(PREFIX + "bos_token_id", 2)
            .bool(PREFIX + "normalizer.lowercase", false)
            .bool(PREFIX + "normalizer.strip_accents", true)
            .int32s(PairTemplate.KEY, 2, 0, -1, 0, 3, 0, 3, 0, -2, 0, 3, 0);
    check("stripped", parse(stripped));
  }

  @ParameterizedTest
  @CsvSource({
    "'1,0,-1,0'; must have each of two sequences once",
    "'-1,0,-2,-1'; must not have negative types",
    "'-1,0,-2,0,100000,0'; token 100000: must be 0 to 250",
  })
  void rejectsInvalidPairTemplates(String row) throws IOException {
    String[] parts = row.split("'; ", 2);
    int[] values =
        Arrays.stream(parts[0].replace("'", "").split(",", -1))
            .mapToInt(Integer::parseInt)
            .toArray();
    GgufWriter file = gguf(read("uncased")).int32s(PairTemplate.KEY, values);
    String message = assertThrows(ModelException.class, () -> parse(file)).getMessage();
    assertTrue(message.contains(PairTemplate.KEY) && message.contains(parts[1]), message);
  }

  private Path vocabularyText() throws IOException {
    List<String> lines =
        pipeline("uncased").file().get("model").get("vocab").properties().stream()
            .sorted((a, b) -> a.getValue().intValue() - b.getValue().intValue())
            .map(entry -> entry.getKey())
            .toList();
    return Files.writeString(directory.resolve("vocab.txt"), String.join("\n", lines) + "\n");
  }

  private void configure(String json) throws IOException {
    Files.writeString(directory.resolve("tokenizer_config.json"), json.replace('\'', '"'));
  }

  @Test
  void readsVocabularyText() throws IOException {
    vocabularyText();
    check("uncased", Tokenizers.fromHuggingFace(directory));
    configure("{'do_lower_case':false}");
    check("cased", Tokenizers.fromHuggingFace(directory));
    configure("{'tokenize_chinese_chars':false,'cls_token':{'content':'[CLS]'}}");
    check("joined", Tokenizers.fromHuggingFace(directory));
    configure(
        "{'do_lower_case':false,'strip_accents':true,'tokenizer_class':'MPNetTokenizer',"
            + "'cls_token':'[CLS]','sep_token':'[SEP]','pad_token':'[PAD]','mask_token':'[UNK]'}");
    Tokenizer mpNet = Tokenizers.fromHuggingFace(directory);
    assertArrayEquals(new int[] {2, 3, 3, 3}, mpNet.encodePair("", "").ids());
  }

  @Test
  void rejectsInvalidVocabularyText() throws IOException {
    Path file = vocabularyText();
    configure("{'do_basic_tokenize':false}");
    assertRejected("do_basic_tokenize false is not supported");
    configure("{'mask_token':'<mask>'}");
    assertRejected("special token '<mask>': must be a line of the file");
    configure("{}");
    Files.writeString(file, Files.readString(file) + "be\n");
    assertRejected("'be': is a duplicate");
  }

  private void assertRejected(String expected) {
    String message =
        assertThrows(ModelException.class, () -> Tokenizers.readHuggingFace(directory))
            .getMessage();
    assertTrue(message.contains("vocab.txt") && message.contains(expected), message);
  }

  @Test
  void keepsSpecialTokensWhenCut() throws IOException {
    Tokenizer tokenizer = Tokenizers.of(read("uncased"));
    int[] whole = tokenizer.encode("to be or not to be");
    int[] cut = tokenizer.encode("to be or not to be", EncodeOptions.DEFAULT, 4);
    assertArrayEquals(new int[] {2, whole[1], whole[2], 3}, cut);
    assertArrayEquals(
        Arrays.copyOfRange(whole, 1, 4),
        tokenizer.encode("to be or not to be", EncodeOptions.DEFAULT.withAddBosEos(false), 3));
    assertArrayEquals(whole, tokenizer.encode("to be or not to be", EncodeOptions.DEFAULT, 99));
    String message =
        assertThrows(
                InvalidInputException.class,
                () -> tokenizer.encode("to be", EncodeOptions.DEFAULT, 1))
            .getMessage();
    assertEquals("maxTokens 1: must be at least 2", message);
  }

  @Test
  void declaresSpecialTokens() throws IOException {
    Tokenizer tokenizer = Tokenizers.of(read("uncased"));
    assertEquals(2, tokenizer.bos().orElseThrow());
    assertEquals(3, tokenizer.eos().orElseThrow());
    assertEquals(1, tokenizer.token(TokenRole.UNKNOWN).orElseThrow());
    assertEquals("[CLS] to be[SEP]", tokenizer.decode(tokenizer.encode("to be")));
  }
}
