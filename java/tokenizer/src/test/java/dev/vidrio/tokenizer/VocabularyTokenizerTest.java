package dev.vidrio.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.tokenizer.vocabulary.SpacePrefix;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

class VocabularyTokenizerTest {

  private static final EncodeOptions PLAIN = new EncodeOptions(false, false);
  private static final EncodeOptions PARSED = EncodeOptions.DEFAULT.withAddBosEos(false);
  private static final List<String> PRE_TOKENIZERS =
      List.of("gpt-2", "llama-bpe", "qwen2", "smollm");

  private static final Map<String, Tokenizer> BARD =
      Map.of(
          "gpt-2", Tokenizers.of(TestVocabulary.bard()),
          "llama-bpe", Tokenizers.of(TestVocabulary.bard("llama-bpe")),
          "qwen2", Tokenizers.of(TestVocabulary.bard("qwen2")),
          "smollm", Tokenizers.of(TestVocabulary.bard("smollm")));

  private static Tokenizer bard(String preTokenizer) {
    return Objects.requireNonNull(BARD.get(preTokenizer));
  }

  private static InputStream resource(String name) {
    return Objects.requireNonNull(VocabularyTokenizerTest.class.getResourceAsStream(name));
  }

  @Test
  void matchesReferenceOfEmbeddedModel() {
    for (JsonNode entry : BardFiles.tokens()) {
      String text = entry.get("text").stringValue();
      int[] ids = entry.get("ids").valueStream().mapToInt(JsonNode::intValue).toArray();
      assertArrayEquals(ids, bard("gpt-2").encode(text, PARSED), text);
      assertEquals(text, bard("gpt-2").decode(ids));
    }
  }

  /** The text of a token identifies it, even if the tokenizer prepends a space to each text. */
  @Test
  void findsSingleTokenOfText() {
    SampleVocabulary sample = SampleVocabulary.read("sentencepiece-bpe.json");
    var model = new TokenModel.SentencePieceBpe(sample.scores(), List.of(), SpacePrefix.EACH);
    for (Tokenizer tokenizer : List.of(bard("gpt-2"), Tokenizers.of(sample.vocabulary(model)))) {
      List<String> pieces =
          IntStream.range(0, tokenizer.vocabularySize()).mapToObj(tokenizer::piece).toList();
      int found = 0;
      for (int id = 0; id < pieces.size(); id++) {
        String text = pieces.get(id);
        boolean unique = pieces.indexOf(text) == id && pieces.lastIndexOf(text) == id;
        if (unique && !tokenizer.isSpecial(id) && !text.isEmpty() && !text.contains("\ufffd")) {
          int[] encoded = tokenizer.encode(text, PARSED);
          assertEquals(encoded.length == 1 ? encoded[0] : id, tokenizer.token(text), text);
          found++;
        }
      }
      assertTrue(found > pieces.size() / 2, found + " found");
    }
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> bard("gpt-2").token("to be"));
    assertEquals("token \"to be\": must be a single token, but encodes to 2", refused.getMessage());
    assertThrows(InvalidInputException.class, () -> bard("gpt-2").token(""));
  }

  /** Each part encodes as on its own. */
  @ParameterizedTest
  @ValueSource(strings = {"To be, or not|to be", "|<|endof|text|>||", "<|endoftext|>|x", ""})
  void keepsPartsSeparate(String text) {
    List<String> parts = List.of(text.split("\\|", -1));
    for (String preTokenizer : PRE_TOKENIZERS) {
      Tokenizer tokenizer = bard(preTokenizer);
      int[] expected =
          parts.stream()
              .flatMapToInt(part -> Arrays.stream(tokenizer.encode(part, PARSED)))
              .toArray();
      assertArrayEquals(expected, tokenizer.encode(parts, PARSED));
    }
  }

  /** The head of the resource describes how it was generated. */
  @Test
  void encodesLikeHuggingFaceTokenizers() throws IOException {
    int count = 0;
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(resource("hugging-face.tsv"), UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith("#")) {
          continue;
        }
        String[] columns = line.split("\t", -1);
        String text = new String(HexFormat.of().parseHex(columns[0]), UTF_8);
        for (int i = 0; i < PRE_TOKENIZERS.size(); i++) {
          int[] ids =
              Arrays.stream(columns[i + 1].split(" "))
                  .filter(id -> !id.isEmpty())
                  .mapToInt(Integer::parseInt)
                  .toArray();
          assertArrayEquals(ids, bard(PRE_TOKENIZERS.get(i)).encode(text, PARSED), text);
        }
        count++;
      }
    }
    assertEquals(200, count);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "llama-bpe", "qwen2", "smollm"})
  void mergesLikeReference(String preTokenizer) {
    ReferenceTokenizer reference = new ReferenceTokenizer(TestVocabulary.bard(preTokenizer));
    RandomText random = new RandomText(5);
    for (int i = 0; i < RandomText.COUNT; i++) {
      byte[] bytes = random.bytes();
      int[] expected = reference.encode(bytes);
      assertArrayEquals(expected, bard(preTokenizer).encode(bytes, PLAIN));
      // a second time, with all words cached
      assertArrayEquals(expected, bard(preTokenizer).encode(bytes, PLAIN));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "llama-bpe", "qwen2", "smollm"})
  void decodesEncodedBytes(String preTokenizer) {
    RandomText text = new RandomText(6);
    Random noise = new Random(6);
    for (int i = 0; i < RandomText.COUNT; i++) {
      byte[] bytes = text.bytes();
      assertArrayEquals(bytes, roundTrip(preTokenizer, bytes));
      noise.nextBytes(bytes);
      assertArrayEquals(bytes, roundTrip(preTokenizer, bytes));
    }
  }

  private static byte[] roundTrip(String preTokenizer, byte[] bytes) {
    Tokenizer tokenizer = bard(preTokenizer);
    return tokenizer.decodeBytes(tokenizer.encode(bytes, PARSED));
  }

  /** Terminates only if no step is repeated for each byte. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "a", " ", "7", "\u0301", "\n", "\r", "'", "<", "<|", "ab", " \n", "\t ", "\u00a0", "語"
      })
  @Tag("long")
  void encodesLongRuns(String piece) {
    byte[] bytes = piece.repeat((1 << 18) / piece.length()).getBytes(UTF_8);
    for (String preTokenizer : PRE_TOKENIZERS) {
      assertArrayEquals(bytes, roundTrip(preTokenizer, bytes));
    }
  }

  @Test
  void replacesUnpairedSurrogates() {
    Tokenizer tokenizer = bard("gpt-2");
    assertArrayEquals(
        tokenizer.encode("a\ufffdb\ufffd \ufffd\ufffd"),
        tokenizer.encode("a\ud800b\udc00 \udc00\ud800"));
    assertEquals("👍", tokenizer.decode(tokenizer.encode("\ud83d\udc4d", PARSED)));
  }

  @Test
  void encodesConcurrently() {
    List<String> texts = IntStream.range(0, 2000).mapToObj(i -> new RandomText(i).text()).toList();
    List<int[]> expected = texts.stream().map(bard("gpt-2")::encode).toList();
    Tokenizer fresh = Tokenizers.of(TestVocabulary.bard());
    List<int[]> actual = texts.parallelStream().map(fresh::encode).toList();
    for (int i = 0; i < texts.size(); i++) {
      assertArrayEquals(expected.get(i), actual.get(i));
    }
  }

  @Test
  void looksUpWholeWordsIfMergesAreIgnored() {
    TestVocabulary.Builder builder =
        TestVocabulary.bytes()
            .merged("b c")
            .token("abc", TokenType.NORMAL)
            .token("xyz", TokenType.CONTROL);
    assertArrayEquals(new int[] {'a', 256}, builder.tokenizer().encode("abc"));
    Tokenizer whole = builder.preTokenizer("glm4").tokenizer();
    assertArrayEquals(new int[] {257}, whole.encode("abc"));
    assertArrayEquals(new int[] {'a', 256, 'd'}, whole.encode("abcd"));
    // text must not become a control token unless requested
    assertArrayEquals(new int[] {'x', 'y', 'z'}, whole.encode("xyz", PLAIN));
    assertArrayEquals(new int[] {258}, whole.encode("xyz", PARSED));
  }

  @Test
  void dropsBytesWithoutToken() {
    TestVocabulary.Builder builder = TestVocabulary.bytes().merged("a b");
    builder.tokens.set('x', "unrelated");
    Tokenizer tokenizer = builder.tokenizer();
    assertArrayEquals(new int[] {256, 'c'}, tokenizer.encode("axbcx"));
    assertArrayEquals(new int[0], tokenizer.encode("x"));
  }

  @Test
  void returnsBytesOfTokens() {
    Tokenizer tokenizer =
        TestVocabulary.bytes()
            .merged("Ġ Ã")
            .control("<|Ġ|>")
            .token("éé", TokenType.USER_DEFINED)
            .token("<0xfE>", TokenType.BYTE)
            .token("", TokenType.UNUSED)
            .token("<unused>", TokenType.UNUSED)
            .token("™", TokenType.NORMAL)
            .tokenizer();
    assertArrayEquals(new byte[] {' ', (byte) 0xC3}, tokenizer.bytes(256));
    assertEquals(" \ufffd", tokenizer.piece(256));
    assertEquals("<|Ġ|>", tokenizer.piece(257));
    assertEquals("éé", tokenizer.piece(258));
    assertArrayEquals(new byte[] {(byte) 0xFE}, tokenizer.bytes(259));
    assertEquals("", tokenizer.piece(260));
    assertEquals("", tokenizer.piece(261));
    assertEquals("™", tokenizer.piece(262));
    assertEquals(263, tokenizer.vocabularySize());
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 2048, Integer.MAX_VALUE, Integer.MIN_VALUE})
  void rejectsIdsOutOfRange(int id) {
    Tokenizer tokenizer = bard("gpt-2");
    InvalidInputException error =
        assertThrows(InvalidInputException.class, () -> tokenizer.decode(1, id));
    assertEquals("token id " + id + ": must be 0 to 2047", error.getMessage());
    assertThrows(InvalidInputException.class, () -> tokenizer.isSpecial(id));
    assertThrows(InvalidInputException.class, () -> tokenizer.streamingDecoder(true).accept(id));
  }

  @Test
  void addsBosAndEosAsDeclared() {
    TestVocabulary.Builder builder =
        TestVocabulary.bytes().control("<s>", "</s>").role(TokenRole.BOS, 256);
    builder.role(TokenRole.EOS, 257);
    assertArrayEquals(new int[] {'a'}, builder.tokenizer().encode("a"));
    Tokenizer both = builder.addBos().addEos().tokenizer();
    assertArrayEquals(new int[] {256, 'a', 257}, both.encode("a"));
    assertArrayEquals(new int[] {256, 257}, both.encode(""));
    assertArrayEquals(new int[] {256, 256, 257}, both.encode("<s>"));
    assertArrayEquals(new int[] {'a'}, both.encode("a", PARSED));
    assertEquals(OptionalInt.of(256), both.bos());
    assertEquals(OptionalInt.of(257), both.eos());
    assertEquals(OptionalInt.empty(), both.token(TokenRole.PADDING));
    assertArrayEquals(new int[] {0, 65}, bard("gpt-2").encode("a"));
  }

  @Test
  void parsesSpecialTokensOnRequest() {
    TestVocabulary.Builder builder = TestVocabulary.bytes().control("<|x|>");
    Tokenizer tokenizer =
        builder
            .token("  ", TokenType.USER_DEFINED)
            .token("<unk>", TokenType.UNKNOWN)
            .token("<u>", TokenType.UNUSED)
            .tokenizer();
    assertArrayEquals(new int[] {'a', 256, 257, 'b', 258}, tokenizer.encode("a<|x|>  b<unk>"));
    assertArrayEquals(
        new int[] {'<', '|', 'x', '|', '>', 257, '<', 'u', 'n', 'k', '>'},
        tokenizer.encode("<|x|>  <unk>", PLAIN));
    assertArrayEquals(new int[] {'<', 'u', '>'}, tokenizer.encode("<u>"));
    assertArrayEquals(new int[] {'<', '|', 'x', '|'}, tokenizer.encode("<|x|"));
    assertTrue(tokenizer.isSpecial(256));
    assertFalse(tokenizer.isSpecial(257));
    assertTrue(tokenizer.isSpecial(258));
    assertFalse(tokenizer.isSpecial('a'));
  }

  /** Ids were verified with Hugging Face tokenizers 0.23.3 with the same added tokens. */
  @Test
  void findsLeftmostLongestLiteral() {
    Tokenizer tokenizer =
        TestVocabulary.bytes().control("<a<", "<a<b>", ">>T<<", "<|x|>", "xx", "xxx").tokenizer();
    assertArrayEquals(new int[] {257}, tokenizer.encode("<a<b>"));
    assertArrayEquals(new int[] {256, 'b'}, tokenizer.encode("<a<b"));
    assertArrayEquals(new int[] {258, '|', 'x', '|', '>'}, tokenizer.encode(">>T<<|x|>"));
    assertArrayEquals(new int[] {261, 260}, tokenizer.encode("xxxxx"));
    assertArrayEquals(new int[] {'<', 257}, tokenizer.encode("<<a<b>"));
  }

  @Test
  void splitsWordsAtSpecialTokens() {
    Tokenizer tokenizer = TestVocabulary.bytes().merged("Ġ Ġ").control("<|x|>").tokenizer();
    // trailing white space is one word, white space before a letter is split
    assertArrayEquals(new int[] {256, 257, 'a'}, tokenizer.encode("  <|x|>a"));
    assertArrayEquals(new int[] {' ', ' ', 'a'}, tokenizer.encode("  a"));
  }
}
