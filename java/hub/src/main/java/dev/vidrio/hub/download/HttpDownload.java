package dev.vidrio.hub.download;

import static dev.vidrio.hub.source.ProgressListener.Phase.DOWNLOADING;

import dev.vidrio.hub.source.ProgressListener;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;

/**
 * Downloads one file over HTTP into a {@link PartFile}, resuming a partial download.
 *
 * <p>Transient failures (a dropped or stalled connection, a temporary error status) are retried
 * after a pause, once the server has responded at all. An unreachable server fails at once, so that
 * the next source is tried.
 */
public final class HttpDownload {

  private static final System.Logger LOG = System.getLogger(HttpDownload.class.getName());

  /** The maximum number of consecutive failures. */
  private static final int MAX_FAILURES = 5;

  /** The progress that resets the count of failures. */
  private static final long SOLID_PROGRESS = 1 << 20;

  /** A longer {@code Retry-After} is treated as a rejection. */
  private static final Duration MAX_RETRY_AFTER = Duration.ofMinutes(1);

  private final HttpSettings settings;
  private final URI uri;
  private final PartFile part;
  private final ProgressListener progress;
  private ExpectedFile expected;
  private boolean responded;

  /** Prepares a download. */
  public HttpDownload(
      HttpSettings settings,
      URI uri,
      ExpectedFile expected,
      PartFile part,
      ProgressListener progress) {
    this.settings = settings;
    this.uri = uri;
    this.expected = expected;
    this.part = part;
    this.progress = progress;
  }

  /**
   * Downloads the file.
   *
   * @return the expected properties, with those that the server declares
   * @throws SourceException if the source fails
   */
  public ExpectedFile run() throws SourceException, InterruptedException {
    try (HttpConnection connection = new HttpConnection(settings)) {
      int failures = 0;
      long reached = part.length();
      while (true) {
        try {
          attempt(connection);
          return expected;
        } catch (TransientFailure failure) {
          failures++;
          if (part.length() - reached >= SOLID_PROGRESS) {
            reached = part.length();
            failures = 1;
          }
          LOG.log(System.Logger.Level.DEBUG, "{0}: {1}", uri, failure.getMessage());
          if (!responded || failures > MAX_FAILURES || isTooLong(failure.retryAfter())) {
            throw SourceException.unreachable(String.valueOf(failure.getMessage()), failure);
          }
          settings.backoff().pause(failures, failure.retryAfter());
        }
      }
    }
  }

  private static boolean isTooLong(Duration retryAfter) {
    return retryAfter.compareTo(MAX_RETRY_AFTER) > 0;
  }

  private void attempt(HttpConnection connection)
      throws SourceException, TransientFailure, InterruptedException {
    if (expected.hasBytes() && part.length() > expected.bytes()) {
      part.restart(Optional.empty());
    }
    if (part.length() == expected.bytes()) {
      return;
    }
    try (DownloadResponse response = connection.get(uri, part.length(), part.validator())) {
      responded = true;
      expected = expected.and(response.offered());
      switch (response.status()) {
        case 200 -> {
          part.restart(response.validator());
          receive(response);
        }
        case 206 -> {
          checkContinues(response);
          receive(response);
        }
        case 416 -> {
          if (response.totalBytes() != part.length()) {
            part.restart(Optional.empty());
            throw new TransientFailure(
                "the server's file is shorter than the partial download", Duration.ZERO);
          }
        }
        case 408, 429, 500, 502, 503, 504 ->
            throw new TransientFailure(response.explain(), response.retryAfter());
        default -> throw SourceException.refused(response.explain());
      }
    } catch (IOException e) {
      throw new TransientFailure(
          uri.getHost() + ": " + (e.getMessage() == null ? e.toString() : e.getMessage()),
          Duration.ZERO);
    }
  }

  /** Detects a server that ignores {@code If-Range}, which would mix two files. */
  private void checkContinues(DownloadResponse response) throws TransientFailure {
    boolean sameBytes =
        response.validator().isEmpty() || response.validator().equals(part.validator());
    if (!sameBytes || response.rangeStart().orElse(-1) != part.length()) {
      part.restart(Optional.empty());
      throw new TransientFailure("the server resumes a different file", Duration.ZERO);
    }
  }

  private void receive(DownloadResponse response)
      throws IOException, SourceException, TransientFailure, InterruptedException {
    String encoding = response.headers().firstValue("Content-Encoding").orElse("identity");
    if (!encoding.equalsIgnoreCase("identity")) {
      throw SourceException.refused("content encoding " + encoding + " is not supported");
    }
    expected = expected.and(new ExpectedFile(response.totalBytes(), Optional.empty()));
    if (expected.hasBytes()) {
      part.requireSpace(expected.bytes() - part.length());
    }
    progress.onProgress(DOWNLOADING, part.length(), expected.bytes());
    Duration idle = settings.idleTimeout();
    BodyReader body = response.body();
    for (var piece = body.next(idle); !piece.isEmpty(); piece = body.next(idle)) {
      for (ByteBuffer bytes : piece) {
        append(bytes);
      }
      progress.onProgress(DOWNLOADING, part.length(), expected.bytes());
    }
    if (expected.hasBytes() && part.length() < expected.bytes()) {
      throw new TransientFailure("the connection closed early", Duration.ZERO);
    }
  }

  private void append(ByteBuffer bytes) throws SourceException, InterruptedException {
    if (expected.hasBytes() && bytes.remaining() > expected.bytes() - part.length()) {
      part.restart(Optional.empty());
      throw SourceException.refused(
          "the server sends more than the expected " + expected.bytes() + " bytes");
    }
    part.write(bytes);
  }
}
