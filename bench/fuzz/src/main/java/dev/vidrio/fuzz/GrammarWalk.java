package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.grammar.ConstraintState;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.grammar.TokenConstraint;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.zip.CRC32;

/** Generates a random text that a grammar allows, byte by byte. */
final class GrammarWalk {
  private static final ByteTokenizer BYTES = new ByteTokenizer();

  /** Bytes that close something, in order of preference. */
  private static final byte[] ENDING = "\"}]0a:,el1".getBytes(UTF_8);

  private GrammarWalk() {}

  /**
   * Returns a text, or empty if the walk did not end. The grammar matches the text as a whole.
   *
   * @param source the source of the grammar, which determines the random choices
   * @param bytes the number of bytes after which the walk approaches an end
   * @throws dev.vidrio.error.InvalidInputException if the grammar is too ambiguous
   */
  static Optional<String> text(Grammar grammar, byte[] source, int bytes) {
    CRC32 hash = new CRC32();
    hash.update(source);
    SplittableRandom random = new SplittableRandom(hash.getValue());
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    ConstraintState state = TokenConstraint.of(grammar, BYTES).start();
    for (int i = 0; i < 3 * bytes; i++) {
      long[] mask = state.mask();
      boolean end = isAllowed(mask, ByteTokenizer.END);
      Oracle.require(end == state.mayEnd(), "mask and state differ at the end");
      if (end && (state.mustEnd() || random.nextInt(8) == 0 || i > bytes)) {
        String found = utf8(text.toByteArray());
        Oracle.require(grammar.matches(found), "the grammar does not match its text: " + found);
        return Optional.of(found);
      }
      int next = next(mask, i > bytes, random);
      Oracle.require(next >= 0 && state.allows(next), "mask and state differ at byte " + next);
      state = state.after(next);
      text.write(next);
    }
    return Optional.empty();
  }

  private static int next(long[] mask, boolean ending, SplittableRandom random) {
    if (ending || random.nextInt(4) == 0) {
      for (byte preferred : ENDING) {
        if (isAllowed(mask, preferred) && random.nextInt(8) > 0) {
          return preferred;
        }
      }
    }
    int begin = random.nextInt(128);
    for (int i = 0; i < 256; i++) {
      int id = i < 128 ? (begin + i) % 128 : i;
      if (isAllowed(mask, id)) {
        return id;
      }
    }
    return -1;
  }

  private static boolean isAllowed(long[] mask, int id) {
    return (mask[id / 64] >>> id & 1) != 0;
  }

  private static String utf8(byte[] bytes) {
    try {
      return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new AssertionError("a grammar allows ill-formed UTF-8", e);
    }
  }
}
