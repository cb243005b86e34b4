package dev.vidrio.cli.io;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Set;

/** The address of a server with OpenAI's API, as {@code --url} gives it. */
public final class ApiUrl {
  private static final Set<String> SCHEMES = Set.of("http", "https");
  private static final int MAX_PORT = 65_535;

  private final String base;

  private ApiUrl(String base) {
    this.base = base;
  }

  /**
   * Parses an address. Without a path, the API is at {@code /v1}.
   *
   * @throws UsageException if it is not a URL of HTTP with a host, or has a query or a fragment
   */
  public static ApiUrl parse(String url) {
    URI parsed = uri(url);
    String text = url.replaceFirst("/+$", "");
    return new ApiUrl(parsed.getPath().replace("/", "").isEmpty() ? text + "/v1" : text);
  }

  private static URI uri(String url) {
    try {
      var parsed = new URI(url);
      if (parsed.getScheme() != null
          && SCHEMES.contains(parsed.getScheme())
          && parsed.getHost() != null
          && parsed.getPort() <= MAX_PORT
          && parsed.getRawQuery() == null
          && parsed.getRawFragment() == null) {
        return parsed;
      }
    } catch (URISyntaxException e) {
      // Reported below.
    }
    throw new UsageException(
        "--url "
            + url
            + ": must be like http://127.0.0.1:8080, or with a path, like"
            + " http://127.0.0.1:8080/v1");
  }

  /**
   * Returns the address of a route.
   *
   * @param path such as {@code /models}
   */
  public URI resolve(String path) {
    return URI.create(base + path);
  }

  /** Returns the address of the API, without a slash at its end. */
  @Override
  public String toString() {
    return base;
  }
}
