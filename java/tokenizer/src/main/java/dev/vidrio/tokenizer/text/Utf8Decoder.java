package dev.vidrio.tokenizer.text;

/**
 * The UTF-8 decoder of the WHATWG Encoding Standard: a state machine over bytes that emits one
 * U+FFFD for each maximal subpart of an ill-formed sequence.
 */
public final class Utf8Decoder {

  private static final char REPLACEMENT = '\ufffd';

  private int codePoint;
  private int needed;
  private int min;
  private int max;

  /** Decodes a byte and appends the character that it completes. */
  public void accept(byte next, StringBuilder out) {
    int b = Byte.toUnsignedInt(next);
    if (needed > 0 && (b < min || b > max)) {
      needed = 0;
      out.append(REPLACEMENT);
    }
    if (needed == 0) {
      begin(b, out);
      return;
    }
    codePoint = (codePoint << 6) | (b & 0x3F);
    min = 0x80;
    max = 0xBF;
    needed--;
    if (needed == 0) {
      out.appendCodePoint(codePoint);
    }
  }

  private void begin(int lead, StringBuilder out) {
    switch (Utf8.length(lead)) {
      case 0 -> out.append(REPLACEMENT);
      case 1 -> out.append((char) lead);
      default -> {
        needed = Utf8.length(lead) - 1;
        codePoint = lead & (0x3F >> needed);
        min = Utf8.minSecond(lead);
        max = Utf8.maxSecond(lead);
      }
    }
  }

  /** Discards an incomplete character and returns whether there was one. */
  public boolean finish() {
    boolean incomplete = needed > 0;
    needed = 0;
    return incomplete;
  }
}
