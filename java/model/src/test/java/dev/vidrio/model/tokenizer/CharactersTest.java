package dev.vidrio.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;

class CharactersTest {

  /**
   * The checksum is of the kinds that the regular expressions of Hugging Face tokenizers 0.23.3
   * (Oniguruma, Unicode 16) give, with 0 for what is neither letter (1), number (2) nor white space
   * (3). It will change with a JDK of another Unicode version, and then this test asks for a
   * choice.
   */
  @Test
  void kindsAreThoseOfUnicode16() {
    CRC32 crc = new CRC32();
    for (int codePoint = 0; codePoint <= Character.MAX_CODE_POINT; codePoint++) {
      crc.update('0' + Characters.kindOf(codePoint) % Characters.OTHER);
    }
    assertEquals(0x7e9a1f24L, crc.getValue());
  }

  @Test
  void readsWellFormedCharactersAlone() {
    byte[] text = Utf8.encode("aé語𝟘");
    int end = text.length;
    assertCharacter(Characters.LETTER, 1, Characters.at(text, 0, end));
    assertCharacter(Characters.LETTER, 2, Characters.at(text, 1, end));
    assertCharacter(Characters.LETTER, 3, Characters.at(text, 3, end));
    assertCharacter(Characters.NUMBER, 4, Characters.at(text, 6, end));
    assertCharacter(Characters.OTHER, 1, Characters.at(text, 6, end - 1));
    assertCharacter(Characters.OTHER, 1, Characters.at(text, 7, end));
    assertCharacter(Characters.END, 0, Characters.at(text, end, end));
  }

  private static void assertCharacter(int kind, int length, int character) {
    assertEquals(kind, Characters.kind(character));
    assertEquals(length, Characters.length(character));
  }
}
