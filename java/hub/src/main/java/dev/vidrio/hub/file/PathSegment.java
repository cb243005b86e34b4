package dev.vidrio.hub.file;

import dev.vidrio.error.InvalidInputException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A segment of a remote path, percent-encoded for use in URLs and as a file name.
 *
 * <p>URLs and file names use one encoding, so a file in the store is named as in its URL, no name
 * can escape the store, and two remote files never share a local one.
 */
public final class PathSegment {

  /** Leaves room for the store's suffixes within the 255 bytes of common file systems. */
  private static final int MAX_ENCODED = 230;

  private PathSegment() {}

  /** Rejects a segment that is empty, a dot segment, or too long when encoded. */
  public static void check(String field, String whole, String segment) {
    if (segment.isEmpty() || segment.equals(".") || segment.equals("..")) {
      throw new InvalidInputException(field, whole, "must not have empty, '.' or '..' segments");
    }
    if (segment.codePoints().anyMatch(Character::isISOControl)) {
      throw new InvalidInputException(field, whole, "must not have control characters");
    }
    int length = encode(segment).length();
    if (length > MAX_ENCODED) {
      throw new InvalidInputException(
          field, whole, "has a segment of " + length + " bytes, must be at most " + MAX_ENCODED);
    }
  }

  /** Percent-encodes all characters except letters, digits and {@code -._~}. */
  public static String encode(String segment) {
    StringBuilder out = new StringBuilder(segment.length());
    for (byte b : segment.getBytes(StandardCharsets.UTF_8)) {
      if (isUnreserved(b)) {
        out.append((char) b);
      } else {
        out.append(String.format("%%%02X", b & 0xff));
      }
    }
    return out.toString();
  }

  /** Decodes the result of {@link #encode}; empty for any other text. */
  public static Optional<String> decode(String encoded) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(encoded.length());
    for (int i = 0; i < encoded.length(); i++) {
      char c = encoded.charAt(i);
      if (c != '%') {
        bytes.write(c);
      } else if (i + 2 < encoded.length()
          && HexFormat.isHexDigit(encoded.charAt(i + 1))
          && HexFormat.isHexDigit(encoded.charAt(i + 2))) {
        bytes.write(HexFormat.fromHexDigits(encoded, i + 1, i + 3));
        i += 2;
      } else {
        return Optional.empty();
      }
    }
    String segment = bytes.toString(StandardCharsets.UTF_8);
    return encode(segment).equals(encoded) ? Optional.of(segment) : Optional.empty();
  }

  /** Encodes the segments of a path and keeps its slashes. */
  public static String encodePath(String path) {
    return Stream.of(path.split("/", -1)).map(PathSegment::encode).collect(Collectors.joining("/"));
  }

  private static boolean isUnreserved(byte b) {
    return (b >= 'a' && b <= 'z')
        || (b >= 'A' && b <= 'Z')
        || (b >= '0' && b <= '9')
        || "-._~".indexOf(b) >= 0;
  }
}
