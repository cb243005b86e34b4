package dev.vidrio.hub.download;

import dev.vidrio.hub.file.PathSegment;
import dev.vidrio.hub.source.ProgressListener;
import dev.vidrio.kernel.host.Sha256;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Lists the files of a Hugging Face repository through {@code /api/models/…/tree}.
 *
 * @param settings the HTTP settings
 * @param endpoint the root URL of Hugging Face or of a mirror
 * @see <a href="https://huggingface.co/docs/hub/api">Hub API</a>
 */
public record RepositoryListing(HttpSettings settings, URI endpoint) {

  private static final int MAX_ATTEMPTS = 3;
  private static final int MAX_PAGES = 100;
  private static final int MAX_PAGE_BYTES = 16 << 20;
  private static final Pattern NEXT = Pattern.compile("<([^>]*)>\\s*;\\s*rel=\"next\"");

  /** A page of the list, and the URL of the next one. */
  private record Page(JsonNode files, Optional<URI> next) {}

  /**
   * Lists all files, in the order of the API.
   *
   * @throws SourceException if the repository does not exist, is not accessible or cannot be
   *     reached
   */
  public List<RepositoryFile> list(String owner, String repo, String revision)
      throws SourceException, InterruptedException {
    List<RepositoryFile> files = new ArrayList<>();
    String root = endpoint.toString().replaceFirst("/+$", "");
    Optional<URI> uri =
        Optional.of(
            URI.create(
                "%s/api/models/%s/%s/tree/%s?recursive=true"
                    .formatted(root, owner, repo, PathSegment.encode(revision))));
    try (HttpConnection connection = new HttpConnection(settings)) {
      for (int i = 0; uri.isPresent() && i < MAX_PAGES; i++) {
        Page page = retry(connection, uri.get());
        page.files().forEach(node -> file(node).ifPresent(files::add));
        uri = page.next();
      }
    }
    return files;
  }

  private static Optional<RepositoryFile> file(JsonNode node) {
    String path = node.path("path").stringValue("");
    if (path.isEmpty() || !node.path("type").stringValue("").equals("file")) {
      return Optional.empty();
    }
    Optional<String> sha256 =
        Optional.of(node.path("lfs").path("oid").stringValue("")).filter(Sha256::isHex);
    JsonNode size = node.path("size");
    long bytes = size.canConvertToLong() ? size.longValue() : ProgressListener.UNKNOWN;
    return Optional.of(new RepositoryFile(path, new ExpectedFile(bytes, sha256)));
  }

  private Page retry(HttpConnection connection, URI uri)
      throws SourceException, InterruptedException {
    for (int failures = 1; ; failures++) {
      try {
        return get(connection, uri);
      } catch (TransientFailure e) {
        if (failures == MAX_ATTEMPTS) {
          throw SourceException.unreachable(String.valueOf(e.getMessage()), e);
        }
        settings.backoff().pause(failures, e.retryAfter());
      }
    }
  }

  private Page get(HttpConnection connection, URI uri)
      throws SourceException, TransientFailure, InterruptedException {
    try (DownloadResponse response = connection.get(uri, 0, Optional.empty())) {
      switch (response.status()) {
        case 200 -> {}
        case 408, 429, 500, 502, 503, 504 ->
            throw new TransientFailure(response.explain(), response.retryAfter());
        default -> throw SourceException.refused(response.explain());
      }
      JsonNode files = JsonMapper.shared().readTree(body(response.body()));
      if (!files.isArray()) {
        throw SourceException.refused(uri.getHost() + ": the list of files is not a JSON array");
      }
      return new Page(files, next(response));
    } catch (JacksonException e) {
      throw SourceException.refused(uri.getHost() + ": the list of files is invalid JSON");
    } catch (IOException e) {
      throw SourceException.unreachable(
          uri.getHost() + ": " + (e.getMessage() == null ? e.toString() : e.getMessage()), e);
    }
  }

  private byte[] body(BodyReader reader) throws IOException, SourceException, InterruptedException {
    var bytes = new ByteArrayOutputStream();
    Duration idle = settings.idleTimeout();
    for (var piece = reader.next(idle); !piece.isEmpty(); piece = reader.next(idle)) {
      for (ByteBuffer buffer : piece) {
        byte[] copy = new byte[buffer.remaining()];
        buffer.get(copy);
        bytes.writeBytes(copy);
      }
      if (bytes.size() > MAX_PAGE_BYTES) {
        throw SourceException.refused("the list of files exceeds " + MAX_PAGE_BYTES + " bytes");
      }
    }
    return bytes.toByteArray();
  }

  /** Returns the next page, which must be on the same server. */
  private static Optional<URI> next(DownloadResponse response) throws SourceException {
    Matcher link = NEXT.matcher(response.headers().firstValue("Link").orElse(""));
    if (!link.find()) {
      return Optional.empty();
    }
    try {
      URI next = response.uri().resolve(link.group(1));
      if (String.valueOf(next.getRawAuthority()).equals(response.uri().getRawAuthority())
          && String.valueOf(next.getScheme()).equals(response.uri().getScheme())) {
        return Optional.of(next);
      }
    } catch (IllegalArgumentException e) {
      // The URL is malformed: refused below.
    }
    throw SourceException.refused("the list of files continues at another server");
  }
}
