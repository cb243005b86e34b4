package dev.vidrio.server.http;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A growing buffer of JSON in UTF-8, for the chunks that are sent for each token. */
public final class JsonBuffer {
  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  private byte[] bytes = new byte[512];
  private int length;

  JsonBuffer clear() {
    length = 0;
    return this;
  }

  byte[] array() {
    return bytes;
  }

  int length() {
    return length;
  }

  /** Returns a copy of the contents. */
  public byte[] toBytes() {
    return Arrays.copyOf(bytes, length);
  }

  private void ensureCapacity(int more) {
    if (bytes.length - length < more) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, Math.addExact(length, more)));
    }
  }

  /** Appends bytes. */
  public JsonBuffer raw(byte[] json) {
    ensureCapacity(json.length);
    System.arraycopy(json, 0, bytes, length, json.length);
    length += json.length;
    return this;
  }

  /** Appends text without quoting. */
  public JsonBuffer raw(String json) {
    return raw(json.getBytes(StandardCharsets.UTF_8));
  }

  /** Appends a quoted string. An unpaired surrogate becomes U+FFFD. */
  public JsonBuffer string(String text) {
    ensureCapacity(Math.addExact(Math.multiplyExact(6, text.length()), 2));
    bytes[length++] = '"';
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c < 0x80) {
        ascii(c);
      } else if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        codePoint(Character.toCodePoint(c, text.charAt(++i)));
      } else {
        codePoint(Character.isSurrogate(c) ? 0xfffd : c);
      }
    }
    bytes[length++] = '"';
    return this;
  }

  private void ascii(char c) {
    switch (c) {
      case '"', '\\' -> escaped(c);
      case '\n' -> escaped('n');
      case '\r' -> escaped('r');
      case '\t' -> escaped('t');
      default -> {
        if (c >= 0x20 && c != 0x7f) {
          bytes[length++] = (byte) c;
        } else {
          escaped('u');
          bytes[length++] = '0';
          bytes[length++] = '0';
          bytes[length++] = HEX[c >> 4];
          bytes[length++] = HEX[c & 15];
        }
      }
    }
  }

  private void escaped(char c) {
    bytes[length++] = '\\';
    bytes[length++] = (byte) c;
  }

  private void codePoint(int c) {
    if (c < 0x800) {
      bytes[length++] = (byte) (0xc0 | (c >> 6));
    } else {
      if (c < 0x10000) {
        bytes[length++] = (byte) (0xe0 | (c >> 12));
      } else {
        bytes[length++] = (byte) (0xf0 | (c >> 18));
        continuation(c >> 12);
      }
      continuation(c >> 6);
    }
    continuation(c);
  }

  private void continuation(int bits) {
    bytes[length++] = (byte) (0x80 | (bits & 0x3f));
  }
}
