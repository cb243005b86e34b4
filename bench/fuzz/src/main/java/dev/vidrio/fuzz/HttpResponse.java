package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A response as a client reads it.
 *
 * @param status the status
 * @param fields the header fields by their names in lower case
 * @param body the body without chunks, as UTF-8
 */
record HttpResponse(int status, Map<String, String> fields, String body) {
  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.1 ([1-5][0-9]{2})( [ -~]*)?");
  private static final Pattern FIELD = Pattern.compile("([A-Za-z-]+): ([ -~\\x80-\\xff]*)");
  private static final String BEGIN = "HTTP/1.1 ";

  /** Reads the bytes of a connection from a position on. */
  private static final class Reader {
    private final String text;
    private final boolean isBroken;
    private int at;

    Reader(String text, boolean isBroken) {
      this.text = text;
      this.isBroken = isBroken;
    }

    /** Returns the next bytes; null if a broken connection has too few. */
    @Nullable String take(long count) {
      boolean isThere = count <= text.length() - at;
      Oracle.require(isThere || isBroken, "an incomplete response: " + text);
      if (!isThere) {
        return null;
      }
      at += (int) count;
      return text.substring(at - (int) count, at);
    }

    /** Returns the bytes up to a mark, which is skipped; null if a broken connection has none. */
    @Nullable String until(String mark) {
      int end = text.indexOf(mark, at);
      Oracle.require(end >= 0 || isBroken, "an incomplete response: " + text);
      if (end < 0) {
        return null;
      }
      String found = text.substring(at, end);
      at = end + mark.length();
      return found;
    }

    @Nullable HttpResponse next() {
      String head = until("\r\n\r\n");
      if (head == null) {
        return null;
      }
      String[] lines = head.split("\r\n", -1);
      Matcher status = STATUS.matcher(lines[0]);
      Oracle.require(status.matches(), "no status line: " + lines[0]);
      Map<String, String> fields = new HashMap<>();
      for (String line : Arrays.asList(lines).subList(1, lines.length)) {
        Matcher field = FIELD.matcher(line);
        Oracle.require(field.matches(), "no header field: " + line);
        String old = fields.put(field.group(1).toLowerCase(Locale.ROOT), field.group(2));
        Oracle.require(old == null, "two header fields: " + head);
      }
      String body = body(fields);
      return body == null
          ? null
          : new HttpResponse(
              Integer.parseInt(status.group(1)), fields, Fixtures.text(body.getBytes(ISO_8859_1)));
    }

    /** Returns the body; null if a broken connection has only a part. */
    private @Nullable String body(Map<String, String> fields) {
      String length = fields.get("content-length");
      if (length != null) {
        return take(Long.parseLong(length));
      }
      if ("chunked".equals(fields.get("transfer-encoding"))) {
        return chunks();
      }
      // No body, as after HEAD, or, for HTTP/1.0, all that the connection has.
      return text.startsWith(BEGIN, at) ? "" : take(text.length() - at);
    }

    private @Nullable String chunks() {
      var body = new StringBuilder();
      while (true) {
        String size = until("\r\n");
        String chunk = size == null ? null : take(Integer.parseInt(size, 16));
        String end = chunk == null ? null : take(2);
        if (end == null) {
          return null;
        }
        Oracle.requireEqual("\r\n", end, "end of a chunk");
        body.append(chunk);
        if ("".equals(chunk)) {
          return body.toString();
        }
      }
    }
  }

  /**
   * Reads all responses of a connection, without interim ones.
   *
   * @param data the bytes, as ISO 8859-1
   * @param isBroken whether the connection was reset, so that the end of the last may be missing
   */
  static List<HttpResponse> readAll(String data, boolean isBroken) {
    List<HttpResponse> responses = new ArrayList<>();
    var reader = new Reader(data, isBroken);
    while (reader.at < data.length()) {
      HttpResponse response = reader.next();
      if (response == null) {
        break;
      }
      if (response.status >= 200) {
        responses.add(response);
      }
    }
    return responses;
  }
}
