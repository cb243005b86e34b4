package dev.vidrio.hub.download;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/**
 * HTTP settings.
 *
 * @param connectTimeout the maximum time to connect
 * @param idleTimeout the maximum time without received bytes
 * @param backoff waits between attempts
 * @param token the Hugging Face access token, if any
 */
public record HttpSettings(
    Duration connectTimeout, Duration idleTimeout, Backoff backoff, Optional<String> token) {

  private static final String TOKEN_HOST = "huggingface.co";

  /** Returns whether a text is valid as a header's value. */
  public static boolean isHeaderValue(String text) {
    return !text.isBlank() && text.chars().allMatch(c -> c >= ' ' && c <= '~');
  }

  /**
   * Returns the {@code Authorization} header of a request to Hugging Face itself; empty for mirrors
   * and the CDN that it redirects to, which must not receive the token.
   */
  Optional<String> authorization(URI uri) {
    boolean trusted =
        "https".equals(uri.getScheme())
            && TOKEN_HOST.equals(uri.getHost())
            && (uri.getPort() == -1 || uri.getPort() == 443);
    return trusted ? token.map(value -> "Bearer " + value) : Optional.empty();
  }
}
