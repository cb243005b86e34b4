package dev.vidrio.cli.option;

import java.io.IOException;
import java.io.Reader;
import java.util.Optional;

/**
 * Reads a text of any length in pieces, with one in memory at a time. A piece ends after the last
 * line end in it; a text that is not longer than a piece is the only one.
 */
final class TextPieces {
  /** Maximum characters of a piece. */
  static final int SIZE = 1 << 20;

  private final Reader reader;
  private final int size;

  /** The beginning of the next piece. */
  private final StringBuilder rest = new StringBuilder();

  /**
   * Creates pieces of a text.
   *
   * @param size maximum characters of a piece, at least 2
   */
  TextPieces(Reader reader, int size) {
    this.reader = reader;
    this.size = size;
  }

  /**
   * Returns the next piece, not empty, or nothing at the end.
   *
   * @throws IOException if the text cannot be read
   */
  Optional<String> next() throws IOException {
    var buffer = new char[1 << 13];
    // One character more than a piece shows that the text goes on.
    for (int n; rest.length() <= size && (n = reader.read(buffer)) >= 0; ) {
      rest.append(buffer, 0, n);
    }
    int end = rest.length() <= size ? rest.length() : end();
    String piece = rest.substring(0, end);
    rest.delete(0, end);
    return Optional.of(piece).filter(text -> !text.isEmpty());
  }

  private int end() {
    int line = rest.lastIndexOf("\n", size - 1) + 1;
    if (line > 0) {
      return line;
    }
    return Character.isHighSurrogate(rest.charAt(size - 1)) ? size - 1 : size;
  }
}
