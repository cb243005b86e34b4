package dev.vidrio.tokenizer;

import dev.vidrio.tokenizer.text.Utf8Decoder;

/**
 * Decodes tokens one by one, to show text while it is generated.
 *
 * <p>No character is ever split: bytes that begin one are held back until it is complete. The
 * returned pieces concatenate to the decoding of all bytes. Ill-formed UTF-8 becomes U+FFFD as the
 * WHATWG Encoding Standard and the Unicode Standard (§3.9, maximal subparts) say. ({@code new
 * String(bytes, UTF_8)} differs in one case: an encoded surrogate is one U+FFFD there, three here.)
 *
 * <p>For one sequence and one thread.
 */
public final class TokenDecoder {

  private final Tokenizer tokenizer;
  private final boolean skipSpecial;
  private final Utf8Decoder decoder = new Utf8Decoder();

  TokenDecoder(Tokenizer tokenizer, boolean skipSpecial) {
    this.tokenizer = tokenizer;
    this.skipSpecial = skipSpecial;
  }

  /** Takes the next token and returns the text that it completes, often empty. */
  public String accept(int id) {
    byte[] bytes = tokenizer.bytes(id);
    if (skipSpecial && tokenizer.isSpecial(id)) {
      return "";
    }
    StringBuilder text = new StringBuilder(bytes.length);
    for (byte b : bytes) {
      decoder.accept(b, text);
    }
    return text.toString();
  }

  /**
   * Ends the sequence and returns U+FFFD if it broke off within a character, else an empty string.
   * The decoder is then as new.
   */
  public String finish() {
    return decoder.finish() ? "\ufffd" : "";
  }
}
