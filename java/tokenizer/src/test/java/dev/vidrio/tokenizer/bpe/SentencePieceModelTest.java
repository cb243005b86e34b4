package dev.vidrio.tokenizer.bpe;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.RandomText;
import dev.vidrio.tokenizer.SampleVocabulary;
import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import dev.vidrio.tokenizer.encoding.IntList;
import dev.vidrio.tokenizer.normalization.Spaces;
import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import dev.vidrio.tokenizer.vocabulary.SpacePrefix;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SentencePieceModelTest {

  private static final EncodeOptions PLAIN = new EncodeOptions(false, false);
  private static final SampleVocabulary SAMPLE = SampleVocabulary.read("sentencepiece-bpe.json");
  private static final Tokenizer PREFIXED = sample(true);
  private static final Tokenizer BARE = sample(false);

  private static Tokenizer sample(boolean addSpacePrefix) {
    return Tokenizers.of(
        SAMPLE.vocabulary(
            new TokenModel.SentencePieceBpe(
                SAMPLE.scores(),
                List.of(),
                addSpacePrefix ? SpacePrefix.EACH : SpacePrefix.NEVER)));
  }

  @Test
  void encodesLikeSentencePiece() {
    for (SampleVocabulary.Sample sample : SAMPLE.samples()) {
      int[] ids = PREFIXED.encode(sample.text(), PLAIN);
      assertEquals(sample.ids(), Arrays.stream(ids).boxed().toList(), sample.text());
    }
  }

  /**
   * Applies the definition: while two adjacent symbols form a token, merges the pair of highest
   * score.
   */
  private static int[] reference(Vocabulary vocabulary, List<Float> scores, String text) {
    Map<String, Integer> ids = new HashMap<>();
    for (int id = 0; id < vocabulary.tokens().size(); id++) {
      if (vocabulary.types().get(id).isText()) {
        ids.put(vocabulary.tokens().get(id), id);
      }
    }
    List<String> symbols =
        new ArrayList<>(text.replace(' ', '▁').codePoints().mapToObj(Character::toString).toList());
    while (true) {
      int best = -1;
      float highest = Float.NEGATIVE_INFINITY;
      for (int i = 0; i + 1 < symbols.size(); i++) {
        Integer id = ids.get(symbols.get(i) + symbols.get(i + 1));
        if (id != null && scores.get(id) > highest) {
          best = i;
          highest = scores.get(id);
        }
      }
      if (best < 0) {
        break;
      }
      symbols.set(best, symbols.get(best) + symbols.remove(best + 1));
    }
    IntList out = new IntList(8);
    for (String symbol : symbols) {
      Integer id = ids.get(symbol);
      if (id != null) {
        out.add(id);
      } else {
        for (byte b : symbol.getBytes(UTF_8)) {
          String spelling = String.format(Locale.ROOT, "<0x%02X>", Byte.toUnsignedInt(b));
          out.add(vocabulary.tokens().indexOf(spelling));
        }
      }
    }
    return out.toArray(0);
  }

  @Test
  void mergesLikeReference() {
    List<Float> scores = new ArrayList<>(SAMPLE.scores());
    for (int id = 0; id < scores.size(); id++) {
      scores.set(id, (float) (id * 7919 % 13)); // with many ties
    }
    Vocabulary vocabulary =
        SAMPLE.vocabulary(new TokenModel.SentencePieceBpe(scores, List.of(), SpacePrefix.NEVER));
    Tokenizer tokenizer = Tokenizers.of(vocabulary);
    RandomText random = new RandomText(8);
    for (int i = 0; i < RandomText.COUNT; i++) {
      String text = new String(Utf8.encode(random.text()), UTF_8);
      assertArrayEquals(reference(vocabulary, scores, text), tokenizer.encode(text, PLAIN), text);
    }
  }

  /** Decoding returns all bytes; U+2581 returns as the space that it spells. */
  @Test
  void decodesEncodedBytes() {
    RandomText random = new RandomText(9);
    for (int i = 0; i < RandomText.COUNT; i++) {
      byte[] bytes = random.bytes();
      byte[] spaced = Spaces.unescape(bytes, 0, bytes.length, false);
      assertArrayEquals(spaced, BARE.decodeBytes(BARE.encode(bytes, PLAIN)));
      byte[] prefixed = Spaces.unescape(bytes, 0, bytes.length, bytes.length > 0);
      assertArrayEquals(prefixed, PREFIXED.decodeBytes(PREFIXED.encode(bytes, PLAIN)));
    }
    assertEquals(" a b", PREFIXED.decode(PREFIXED.encode("a▁b", PLAIN)));
  }

  /** Parts encode as if a special token separated them. */
  @Test
  void prependsSpaceToEachSegment() {
    assertEquals(" a b c", PREFIXED.decode(PREFIXED.encode(List.of("", "a", "b c"), PLAIN)));
    assertEquals("ab c", BARE.decode(BARE.encode(List.of("a", "b c", ""), PLAIN)));
  }

  @Test
  void streamsCharactersOfByteTokens() {
    TokenDecoder decoder = BARE.streamingDecoder();
    StringBuilder text = new StringBuilder();
    int[] ids = BARE.encode("𒐀", PLAIN);
    assertEquals(4, ids.length);
    for (int id : ids) {
      String piece = decoder.accept(id);
      assertEquals(text.isEmpty() && !piece.isEmpty() ? "𒐀" : "", piece);
      text.append(piece);
    }
    assertEquals("𒐀", text.toString());
  }

  /** As in llama.cpp, each segment between literals gets its space. */
  @Test
  void splitsSegmentsAtLiterals() {
    int[] a = PREFIXED.encode("a", PLAIN);
    int separator =
        SAMPLE
            .vocabulary(
                new TokenModel.SentencePieceBpe(SAMPLE.scores(), List.of(), SpacePrefix.EACH))
            .tokens()
            .indexOf("<sep>");
    assertArrayEquals(
        new int[] {a[0], separator, a[0], 2},
        PREFIXED.encode("a<sep>a</s>", EncodeOptions.DEFAULT));
    int[] plain = PREFIXED.encode("</s>", PLAIN);
    assertEquals(0, Arrays.stream(plain).filter(id -> id == 2).count());
  }

  /** Terminates only if no step is repeated for each byte. */
  @ParameterizedTest
  @ValueSource(strings = {"a", " ", "▁", "0", "é", "語", "👍", "<", "<sep", "</s", "ab", " a"})
  @Tag("long")
  void encodesLongRuns(String piece) {
    byte[] bytes = piece.repeat((1 << 20) / piece.length()).getBytes(UTF_8);
    assertArrayEquals(
        Spaces.unescape(bytes, 0, bytes.length, false),
        BARE.decodeBytes(BARE.encode(bytes, PLAIN)));
  }

  private static Vocabulary changed(List<Float> scores) {
    return SAMPLE.vocabulary(new TokenModel.SentencePieceBpe(scores, List.of(), SpacePrefix.NEVER));
  }

  @Test
  void rejectsMissingOrInvalidScores() {
    List<Float> scores = new ArrayList<>(SAMPLE.scores());
    scores.set(300, Float.NaN);
    assertEquals(
        "sample.gguf: key 'tokenizer.ggml.scores'[300] 'NaN': must be a number",
        assertThrows(ModelFileException.class, () -> changed(scores)).getMessage());
    assertEquals(
        "sample.gguf: key 'tokenizer.ggml.scores' 1 scores: must be one for each of 900 tokens",
        assertThrows(ModelFileException.class, () -> changed(List.of(0f))).getMessage());
  }

  @Test
  void rejectsMissingByteTokens() {
    Vocabulary whole = changed(SAMPLE.scores());
    List<TokenType> types = new ArrayList<>(whole.types());
    types.set(whole.tokens().indexOf("<0x41>"), TokenType.UNUSED);
    Vocabulary lacking =
        new Vocabulary(
            "sample.gguf",
            whole.model(),
            whole.tokens(),
            types,
            whole.roles(),
            false,
            false,
            LiteralRules.NONE);
    assertEquals(
        "sample.gguf: key 'tokenizer.ggml.tokens': lacks the byte <0x41>",
        assertThrows(ModelFileException.class, () -> Tokenizers.of(lacking)).getMessage());
  }
}
