package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The responses that the bytes of a connection may get, by a strict reading of RFC 9112. It ends at
 * the first request that is not well-formed. After it, any number of responses is accepted, or none
 * if the request line has no method or version.
 *
 * @param least the number of requests that must be answered
 * @param most the number of requests that may be answered
 * @param probes the numbers of those requests that must be answered with 200
 */
record HttpReading(int least, int most, List<Integer> probes) {
  private static final String TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
  private static final Pattern METHOD = Pattern.compile(TOKEN);
  private static final Pattern VERSION = Pattern.compile("HTTP/1\\.[0-9]");
  private static final Pattern REQUEST =
      Pattern.compile("(" + TOKEN + ") ([!-~]+) HTTP/1\\.([01])");
  private static final Pattern FIELD =
      Pattern.compile("(" + TOKEN + "):([\t\\x20-\\x7e\\x80-\\xff]*+)");

  /** A target that every server accepts. */
  private static final Pattern PLAIN = Pattern.compile("(/[A-Za-z0-9_.-]+)+/?|/");

  private static final String END = "\r\n\r\n";
  private static final int MAX_FIELDS = 100;
  private static final int MAX_HEADER = 24_000; // 32 KiB with an overhead for each line

  /** The head of a request. */
  private record Head(
      String method, String target, boolean isOld, Map<String, List<String>> fields) {
    /** Returns whether the connection may be closed after the response. */
    boolean mayClose() {
      return isOld || fields.containsKey("connection");
    }

    /** Returns whether no request may be read after this one. */
    boolean closes() {
      List<String> connection = fields.getOrDefault("connection", List.of());
      return isOld
          ? connection.isEmpty()
          : connection.equals(List.of("close")) || connection.equals(List.of("Close"));
    }

    /** Returns whether the server must answer that it is healthy. */
    boolean isProbe() {
      return method.equals("GET") && target.equals("/health");
    }
  }

  /**
   * Reads the bytes of a connection.
   *
   * @param bodyLimit the size of a body after which the server closes the connection
   */
  static HttpReading of(byte[] data, int bodyLimit) {
    String text = new String(data, ISO_8859_1);
    List<Integer> probes = new ArrayList<>();
    int least = 0;
    int count = 0;
    boolean open = true;
    int at = 0;
    while (true) {
      while (text.startsWith("\r\n", at)) {
        at += 2;
      }
      if (at == text.length()) {
        return new HttpReading(least, count, probes);
      }
      int start = at;
      int end = text.indexOf(END, start);
      Head head = end < 0 ? null : head(text.substring(start, end));
      if (head == null) {
        int most = isRefused(text.substring(start)) ? count + 1 : Integer.MAX_VALUE;
        return new HttpReading(least, most, probes);
      }
      count++;
      long length = length(head);
      at = end + END.length();
      if (length < 0 || length > text.length() - at || isLarge(head, end - start)) {
        return new HttpReading(least, count, probes); // nothing is read after it
      }
      at += (int) length;
      open &= PLAIN.matcher(head.target).matches();
      if (open) {
        least = count;
        if (head.isProbe()) {
          probes.add(count - 1);
        }
      }
      if (head.closes()) {
        return new HttpReading(least, count, probes);
      }
      open &= !head.mayClose() && length <= bodyLimit;
    }
  }

  /** Returns whether the server must close the connection for its next request line. */
  private static boolean isRefused(String text) {
    String line = text.split("\r\n", 2)[0];
    String[] words = line.split(" ", -1);
    return !METHOD.matcher(words[0]).matches()
        || !VERSION.matcher(words[words.length - 1]).matches();
  }

  /** Returns whether the head may exceed the limits of the server. */
  private static boolean isLarge(Head head, int length) {
    return head.fields.values().stream().mapToInt(List::size).sum() >= MAX_FIELDS
        || length > MAX_HEADER;
  }

  /** Returns the length of the body; -1 if it is chunked, ambiguous, or too large for a long. */
  private static long length(Head head) {
    if (head.fields.containsKey("transfer-encoding")) {
      return -1;
    }
    List<String> lengths = head.fields.getOrDefault("content-length", List.of("0"));
    return lengths.size() == 1 && lengths.getFirst().matches("[0-9]{1,18}")
        ? Long.parseLong(lengths.getFirst())
        : -1;
  }

  /** Reads the head of a request; null if it is not well-formed. */
  private static @Nullable Head head(String text) {
    String[] lines = text.split("\r\n", -1);
    Matcher request = REQUEST.matcher(lines[0]);
    if (!request.matches()) {
      return null;
    }
    Map<String, List<String>> fields = new HashMap<>();
    for (int i = 1; i < lines.length; i++) {
      Matcher field = FIELD.matcher(lines[i]);
      if (!field.matches()) {
        return null;
      }
      fields
          .computeIfAbsent(field.group(1).toLowerCase(Locale.ROOT), _ -> new ArrayList<>())
          .add(field.group(2).strip());
    }
    return new Head(request.group(1), request.group(2), request.group(3).equals("0"), fields);
  }
}
