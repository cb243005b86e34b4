package dev.vidrio.cli.lens.option;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class TokenTextTest {
  /** Han characters and kana take two columns, a combining accent none. */
  @Test
  void measuresWidthOnTerminals() {
    assertEquals("\"ab\"  ", TokenText.column("\"ab\"", 6));
    assertEquals("\"北京\"  ", TokenText.column("\"北京\"", 8));
    assertEquals("\"e\u0301\"  ", TokenText.column("\"e\u0301\"", 5));
    assertEquals("\"abc…", TokenText.column("\"abcde\"", 5));
    assertEquals("\"こん…", TokenText.column("\"こんにちは\"", 6));
    assertEquals("\"こん… ", TokenText.column("\"こんにちは\"", 7));
  }
}
