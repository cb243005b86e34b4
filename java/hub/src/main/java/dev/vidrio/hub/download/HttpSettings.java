package dev.vidrio.hub.download;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/**
 * How files are fetched over HTTP.
 *
 * @param connectTimeout longest time for a connection
 * @param idleTimeout longest time without a byte
 * @param backoff waits between tries
 * @param token Hugging Face access token, if the user has one
 */
public record HttpSettings(
    Duration connectTimeout, Duration idleTimeout, Backoff backoff, Optional<String> token) {

  private static final String TOKEN_HOST = "huggingface.co";

  /** Whether a text can be sent as a header's value. */
  public static boolean isHeaderValue(String text) {
    return !text.isBlank() && text.chars().allMatch(c -> c >= ' ' && c <= '~');
  }

  /**
   * Returns the header that authorises a request, for Hugging Face itself alone: mirrors and the
   * content network that it redirects to never see the token.
   */
  Optional<String> authorization(URI uri) {
    boolean trusted =
        "https".equals(uri.getScheme())
            && TOKEN_HOST.equals(uri.getHost())
            && (uri.getPort() == -1 || uri.getPort() == 443);
    return trusted ? token.map(value -> "Bearer " + value) : Optional.empty();
  }
}
