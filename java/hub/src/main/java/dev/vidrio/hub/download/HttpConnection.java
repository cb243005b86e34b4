package dev.vidrio.hub.download;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Gets files over HTTP, through the proxy that the JVM is set up with.
 *
 * <p>Redirects are followed here and not by the JDK's client: the token must not follow them to
 * other hosts, they must not leave HTTPS, and the answers on the way carry size and SHA-256.
 */
final class HttpConnection implements AutoCloseable {

  private static final int MAX_REDIRECTS = 10;

  private final HttpSettings settings;
  private final HttpClient client;

  HttpConnection(HttpSettings settings) {
    this.settings = settings;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(settings.connectTimeout())
            .build();
  }

  /**
   * Asks for a file, or for its rest.
   *
   * @param uri its address
   * @param offset first byte wanted
   * @param validator what the server must confirm to send the rest; it sends all if it cannot
   * @throws IOException if no answer comes
   * @throws SourceException if a redirect is refused
   */
  HttpAnswer get(URI uri, long offset, Optional<String> validator)
      throws IOException, SourceException, InterruptedException {
    URI address = uri;
    Expected offered = Expected.NOTHING;
    for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
      HttpResponse<BodyReader> response = send(request(address, offset, validator));
      offered = offered.and(HttpAnswer.offered(response.headers()));
      Optional<String> location = response.headers().firstValue("Location");
      if (!isRedirect(response.statusCode()) || location.isEmpty()) {
        return new HttpAnswer(
            address, response.statusCode(), response.headers(), offered, response.body());
      }
      response.body().close();
      address = redirected(address, location.get());
    }
    throw SourceException.refused(
        "more than " + MAX_REDIRECTS + " redirects from " + uri.getHost());
  }

  private HttpRequest request(URI uri, long offset, Optional<String> validator) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .header("User-Agent", "vidrio")
            .header("Accept-Encoding", "identity");
    if (offset > 0 && validator.isPresent()) {
      request.header("Range", "bytes=" + offset + "-").header("If-Range", validator.get());
    }
    settings.authorization(uri).ifPresent(value -> request.header("Authorization", value));
    return request.build();
  }

  private HttpResponse<BodyReader> send(HttpRequest request)
      throws IOException, InterruptedException {
    CompletableFuture<HttpResponse<BodyReader>> answer =
        client.sendAsync(request, head -> new BodyReader());
    Duration limit = settings.connectTimeout().plus(settings.idleTimeout());
    try {
      return answer.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      answer.cancel(true);
      throw new HttpTimeoutException("no answer for " + limit.toMillis() + " ms");
    } catch (InterruptedException | CancellationException e) {
      answer.cancel(true);
      throw e;
    } catch (ExecutionException e) {
      Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
      throw new IOException(NetworkReason.of(cause), cause);
    }
  }

  private static boolean isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }

  private static URI redirected(URI from, String location) throws SourceException {
    URI to;
    try {
      to = from.resolve(location);
    } catch (IllegalArgumentException e) {
      throw SourceException.refused(from.getHost() + " redirects to a malformed address");
    }
    boolean sameOrigin =
        Objects.equals(from.getScheme(), to.getScheme())
            && Objects.equals(from.getRawAuthority(), to.getRawAuthority());
    if (to.getHost() == null || !("https".equals(to.getScheme()) || sameOrigin)) {
      throw SourceException.refused(
          from.getHost()
              + " redirects to "
              + to.getScheme()
              + "://"
              + to.getHost()
              + ", and only https is followed");
    }
    return to;
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
