package dev.vidrio.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenDecoderTest {

  private static final Tokenizer BYTES = TestVocabulary.bytes().control("<|end|>").tokenizer();
  private static final int END = 256;

  /** Returns bytes as ids; in the byte vocabulary they are equal. */
  private static int[] ids(byte[] bytes) {
    int[] ids = new int[bytes.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = Byte.toUnsignedInt(bytes[i]);
    }
    return ids;
  }

  private static String stream(Tokenizer tokenizer, int... ids) {
    TokenDecoder decoder = tokenizer.streamingDecoder();
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      String piece = decoder.accept(id);
      if (!piece.isEmpty()) {
        assertFalse(Character.isHighSurrogate(piece.charAt(piece.length() - 1)));
        assertFalse(Character.isLowSurrogate(piece.charAt(0)));
      }
      text.append(piece);
    }
    return text.append(decoder.finish()).toString();
  }

  /** Examples of the Unicode Standard, §3.9, tables 3-8 to 3-11, and of truncated text. */
  @ParameterizedTest
  @CsvSource({
    "C0AFE080BFF0818241, ????????A",
    "EDA080EDBFBFEDAF41, ????????A",
    "F4919293FF4180BF42, ?????A??B",
    "E180E2F09192F1BF41, ????A",
    "41C3, A?",
    "E697, ?",
    "F09F91, ?",
    "F09F91F09F918D, ?👍",
    "E697A5E69CAC, 日本",
  })
  void replacesMaximalSubparts(String hex, String expected) {
    byte[] bytes = HexFormat.of().parseHex(hex);
    assertEquals(expected.replace('?', '\ufffd'), BYTES.decode(ids(bytes)));
    assertEquals(expected.replace('?', '\ufffd'), stream(BYTES, ids(bytes)));
  }

  @Test
  void decodesLikeJdkExceptSurrogates() {
    RandomText random = new RandomText(3);
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = random.bytes();
      for (int at = 0; at < bytes.length; at++) {
        // without the lead byte of surrogates the two decoders agree
        bytes[at] = bytes[at] == (byte) 0xED ? (byte) 0xEC : bytes[at];
      }
      String expected = new String(bytes, StandardCharsets.UTF_8);
      assertEquals(expected, BYTES.decode(ids(bytes)));
      assertEquals(expected, stream(BYTES, ids(bytes)));
    }
  }

  @Test
  void concatenatesToDecodedText() {
    Tokenizer bard = Tokenizers.of(TestVocabulary.bard());
    Random random = new Random(4);
    for (int i = 0; i < 2000; i++) {
      int[] ids = random.ints(random.nextInt(30), 0, bard.vocabularySize()).toArray();
      String expected = new String(bard.decodeBytes(ids), StandardCharsets.UTF_8);
      assertEquals(expected, bard.decode(ids));
      assertEquals(expected, stream(bard, ids));
    }
  }

  @Test
  void holdsBackIncompleteCharacters() {
    TokenDecoder decoder = BYTES.streamingDecoder();
    assertEquals("", decoder.accept(0xF0));
    assertEquals("", decoder.accept(0x9F));
    assertEquals("", decoder.accept(0x91));
    assertEquals("👍", decoder.accept(0x8D));
    assertEquals("", decoder.finish());
  }

  @Test
  void resetsOnFinish() {
    TokenDecoder decoder = BYTES.streamingDecoder();
    assertEquals("", decoder.accept(0xE2));
    assertEquals("\ufffd", decoder.finish());
    assertEquals("", decoder.finish());
    assertEquals("A", decoder.accept('A'));
  }

  @Test
  void skipsSpecialTokensOnRequest() {
    TokenDecoder decoder = BYTES.streamingDecoder(true);
    assertEquals("", decoder.accept(0xC3));
    assertEquals("", decoder.accept(END));
    assertEquals("é", decoder.accept(0xA9));
    assertEquals("<|end|>", BYTES.streamingDecoder().accept(END));
  }
}
