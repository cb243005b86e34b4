package dev.vidrio.cli.option;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class TextPiecesTest {
  private static List<String> pieces(String text, int size) throws IOException {
    var pieces = new TextPieces(new StringReader(text), size);
    List<String> all = new ArrayList<>();
    for (Optional<String> next = pieces.next(); next.isPresent(); next = pieces.next()) {
      all.add(next.get());
    }
    return all;
  }

  @Test
  void shortTextIsOnePiece() throws IOException {
    assertEquals(List.of("a\nb\n"), pieces("a\nb\n", 4));
    assertEquals(List.of(), pieces("", 4));
  }

  @Test
  void piecesEndWithLines() throws IOException {
    assertEquals(List.of("ab\n", "cd\n", "efgh", "ij\nk"), pieces("ab\ncd\nefghij\nk", 4));
  }

  @Test
  void piecesHaveTheWholeText() throws IOException {
    String text = "lorem ipsum\ndolor 😀 sit\n\namet".repeat(3000);
    for (int size : new int[] {2, 3, 7, 8191, 8192, 8193, 20_000}) {
      List<String> pieces = pieces(text, size);
      assertEquals(text, String.join("", pieces));
      for (String piece : pieces) {
        assertTrue(piece.length() <= size && !piece.isEmpty());
        assertTrue(!Character.isHighSurrogate(piece.charAt(piece.length() - 1)), piece);
      }
    }
  }
}
