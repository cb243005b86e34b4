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
 * Requests files over HTTP, through the JVM's configured proxy.
 *
 * <p>Redirects are followed here and not by the JDK's client: the token must not be sent to other
 * hosts, redirects must not leave HTTPS, and intermediate responses carry size and SHA-256.
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
   * Requests a file or its rest.
   *
   * @param uri the URL
   * @param offset the first byte to request
   * @param validator the validator of the bytes before the offset; if it no longer matches, the
   *     server sends the whole file
   * @throws IOException if there is no response
   * @throws SourceException if a redirect is rejected
   */
  DownloadResponse get(URI uri, long offset, Optional<String> validator)
      throws IOException, SourceException, InterruptedException {
    URI address = uri;
    ExpectedFile offered = ExpectedFile.NOTHING;
    for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
      HttpResponse<BodyReader> response = send(request(address, offset, validator));
      offered = offered.and(DownloadResponse.offered(response.headers()));
      Optional<String> location = response.headers().firstValue("Location");
      if (!isRedirect(response.statusCode()) || location.isEmpty()) {
        return new DownloadResponse(
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
    CompletableFuture<HttpResponse<BodyReader>> response =
        client.sendAsync(request, head -> new BodyReader());
    Duration limit = settings.connectTimeout().plus(settings.idleTimeout());
    try {
      return response.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      response.cancel(true);
      throw new HttpTimeoutException("no response for " + limit.toMillis() + " ms");
    } catch (InterruptedException | CancellationException e) {
      response.cancel(true);
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
      throw SourceException.refused(from.getHost() + " redirects to a malformed URL");
    }
    boolean sameOrigin =
        Objects.equals(from.getScheme(), to.getScheme())
            && Objects.equals(from.getRawAuthority(), to.getRawAuthority());
    if (to.getHost() == null || !("https".equals(to.getScheme()) || sameOrigin)) {
      throw SourceException.refused(
          "%s redirects to %s://%s, only https is followed"
              .formatted(from.getHost(), to.getScheme(), to.getHost()));
    }
    return to;
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
