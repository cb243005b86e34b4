package dev.vidrio.hub.download;

import dev.vidrio.hub.source.ProgressListener;
import dev.vidrio.kernel.host.Sha256;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The response at the end of a chain of redirects.
 *
 * @param uri the URL of the response
 * @param status the status
 * @param headers the headers
 * @param offered the size and SHA-256 that the responses of the chain declare
 * @param body the body
 */
record DownloadResponse(
    URI uri, int status, HttpHeaders headers, ExpectedFile offered, BodyReader body)
    implements AutoCloseable {

  private static final Pattern CONTENT_RANGE =
      Pattern.compile("bytes (?:(\\d{1,18})-\\d{1,18}|\\*)/(?:(\\d{1,18})|\\*)");
  private static final int MAX_SERVER_TEXT = 160;

  /** Parses Hugging Face's headers with size and SHA-256 of a large file. */
  static ExpectedFile offered(HttpHeaders headers) {
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
    return new ExpectedFile(bytes, sha256);
  }

  /** Returns the validator (strong ETag or date) with which a later request can resume the file. */
  Optional<String> validator() {
    return headers
        .firstValue("ETag")
        .filter(tag -> !tag.startsWith("W/"))
        .or(() -> headers.firstValue("Last-Modified"))
        .filter(HttpSettings::isHeaderValue);
  }

  /** Returns the start of a partial response. */
  OptionalLong rangeStart() {
    return range(1);
  }

  /** Returns the size of the whole file, if the response declares it. */
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

  /** Returns the {@code Retry-After} time; zero if there is none. */
  Duration retryAfter() {
    return headers
        .firstValue("Retry-After")
        .filter(text -> text.matches("\\d{1,9}"))
        .map(text -> Duration.ofSeconds(Long.parseLong(text)))
        .orElse(Duration.ZERO);
  }

  /** Explains an error status to a user who wants a model. */
  String explain() {
    String meaning =
        switch (status) {
          case 401 ->
              "the repository is private, gated or does not exist; set HF_TOKEN to an access token"
                  + " with read permission";
          case 403 ->
              "access denied; accept the model's license on its page and set HF_TOKEN to an"
                  + " access token with read permission";
          case 404 -> "no such repository, revision or file";
          case 407 -> "the proxy requires authentication";
          case 429 -> "too many requests; retry later or set HF_TOKEN";
          default -> status >= 500 ? "server error" : "the server rejected the request";
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
