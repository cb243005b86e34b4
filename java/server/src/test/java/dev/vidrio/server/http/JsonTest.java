package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** Jackson parses quoted texts. */
class JsonTest {
  private static String written(String text) {
    return Json.quoted(text);
  }

  @Test
  void escapesControlCharactersQuotesAndBackslashes() {
    assertEquals(
        "\"a\\\"b\\\\c\\n\\r\\t\\u0000\\u001f\\u007f/\"", written("a\"b\\c\n\r\t\0\u001f\u007f/"));
  }

  @Test
  void roundTripsEveryCharacter() {
    var random = new Random(7);
    for (int round = 0; round < 200; round++) {
      var text = new StringBuilder();
      for (int i = random.nextInt(300); i > 0; i--) {
        int c = random.nextInt(round % 2 == 0 ? 0x250 : 0x110000);
        text.appendCodePoint(Character.getType(c) == Character.SURROGATE ? 'x' : c);
      }
      assertEquals(
          text.toString(),
          JsonMapper.shared().readTree(Json.quoted(text.toString())).stringValue());
    }
  }

  @Test
  void replacesUnpairedSurrogates() {
    assertEquals("\"\ufffda\ufffd\"", written("\ud800a\udfff"));
    assertEquals("\"\ufffd\"", written("\ud83d"));
    assertEquals("\"😀\"", written("😀"));
  }
}
