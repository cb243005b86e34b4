package dev.vidrio.tokenizer;

import dev.vidrio.tokenizer.text.Utf8Decoder;

/**
 * Decodes tokens one by one, to show text while it is generated.
 *
 * {@snippet file="TokenizerExamples.java" region="decoder"}
 *
 * <p>Characters are never split: the bytes of an incomplete character are held back until it is
 * complete. The returned pieces concatenate to the decoding of all bytes. Ill-formed UTF-8 becomes
 * U+FFFD as specified by the WHATWG Encoding Standard and the Unicode Standard (§3.9, maximal
 * subparts). ({@code new String(bytes, UTF_8)} differs in one case: an encoded surrogate is one
 * U+FFFD there and three here.)
 *
 * <p>A decoder has state: it serves one sequence and is not thread-safe.
 *
 * @see Tokenizer#streamingDecoder()
 */
public final class TokenDecoder {

  private final Tokenizer tokenizer;
  private final boolean skipSpecial;
  private final Utf8Decoder decoder = new Utf8Decoder();

  TokenDecoder(Tokenizer tokenizer, boolean skipSpecial) {
    this.tokenizer = tokenizer;
    this.skipSpecial = skipSpecial;
  }

  /**
   * Decodes the next token.
   *
   * @return the text that the token completes; often empty
   * @throws dev.vidrio.error.InvalidInputException if the id is out of range
   */
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
   * Ends the sequence and resets the decoder. Returns U+FFFD if the sequence ended within a
   * character, else an empty string.
   */
  public String finish() {
    return decoder.finish() ? "\ufffd" : "";
  }
}
