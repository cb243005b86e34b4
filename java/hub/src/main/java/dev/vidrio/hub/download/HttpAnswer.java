package dev.vidrio.hub.download;

import dev.vidrio.hub.file.Sha256;
import dev.vidrio.hub.source.ProgressListener;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The answer at the end of a chain of redirects.
 *
 * @param uri the address that gave it
 * @param status its status
 * @param headers its headers
 * @param offered what any answer of the chain says of the file's size and SHA-256
 * @param body its body
 */
record HttpAnswer(URI uri, int status, HttpHeaders headers, Expected offered, BodyReader body)
    implements AutoCloseable {

  private static final Pattern CONTENT_RANGE =
      Pattern.compile("bytes (?:(\\d{1,18})-\\d{1,18}|\\*)/(?:(\\d{1,18})|\\*)");
  private static final int MAX_SERVER_TEXT = 160;

  /** Reads the headers by which Hugging Face tells size and SHA-256 of a large file. */
  static Expected offered(HttpHeaders headers) {
    long bytes =
        headers
            .firstValue("X-Linked-Size")
            .filter(text -> text.matches("\\d{1,18}"))
            .map(Long::parseLong)
            .orElse(ProgressListener.UNKNOWN);
    Optional<String> sha256 =
        headers
            .firstValue("X-Linked-ETag")
            .map(text -> text.replace("W/", "").replace("\"", "").toLowerCase(Locale.ROOT))
            .filter(Sha256::isHex);
    return new Expected(bytes, sha256);
  }

  /** Returns what proves to the server that a later request means the same bytes. */
  Optional<String> validator() {
    return headers
        .firstValue("ETag")
        .filter(tag -> !tag.startsWith("W/"))
        .or(() -> headers.firstValue("Last-Modified"))
        .filter(HttpSettings::isHeaderValue);
  }

  /** Returns where a partial answer starts. */
  OptionalLong rangeStart() {
    return range(1);
  }

  /** Returns the size of the whole file, as far as this answer tells. */
  long totalBytes() {
    return status == 200
        ? headers.firstValueAsLong("Content-Length").orElse(ProgressListener.UNKNOWN)
        : range(2).orElse(ProgressListener.UNKNOWN);
  }

  private OptionalLong range(int group) {
    Matcher matcher = CONTENT_RANGE.matcher(headers.firstValue("Content-Range").orElse(""));
    return matcher.matches() && matcher.group(group) != null
        ? OptionalLong.of(Long.parseLong(matcher.group(group)))
        : OptionalLong.empty();
  }

  /** Returns how long the server wants to be left alone; zero if it does not say. */
  Duration retryAfter() {
    return headers
        .firstValue("Retry-After")
        .filter(text -> text.matches("\\d{1,9}"))
        .map(text -> Duration.ofSeconds(Long.parseLong(text)))
        .orElse(Duration.ZERO);
  }

  /** Says what a status other than success means for someone who wants a model. */
  String explain() {
    String meaning =
        switch (status) {
          case 401 ->
              "the repository is private, gated, or does not exist; set HF_TOKEN to an access token"
                  + " that may read it";
          case 403 ->
              "access is refused; accept the model's licence on its page, and set HF_TOKEN to an"
                  + " access token that may read it";
          case 404 -> "there is no such repository, revision or file";
          case 407 -> "the proxy asks for a password";
          case 429 -> "too many requests; try again later, or set HF_TOKEN";
          default -> status >= 500 ? "the server has trouble" : "the server refused";
        };
    String detail =
        headers.firstValue("X-Error-Message").map(text -> " (" + shorten(text) + ")").orElse("");
    return "HTTP " + status + " from " + uri.getHost() + ": " + meaning + detail;
  }

  private static String shorten(String text) {
    return text.length() <= MAX_SERVER_TEXT ? text : text.substring(0, MAX_SERVER_TEXT) + "…";
  }

  @Override
  public void close() {
    body.close();
  }
}
