package dev.vidrio.hub.download;

import static dev.vidrio.hub.source.ProgressListener.Phase.DOWNLOADING;

import dev.vidrio.hub.source.ProgressListener;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Fetches one file over HTTP into a {@link PartFile}, continuing what is there.
 *
 * <p>A broken or stalled connection, and an answer that means trouble for a while, are tried again
 * after a pause, once the server has answered at all. An address that cannot be reached is given up
 * at once, so that another source gets its turn.
 */
public final class HttpDownload {

  private static final System.Logger LOG = System.getLogger(HttpDownload.class.getName());

  /** Tries that may fail in a row. */
  private static final int MAX_FAILURES = 5;

  /** A part that has grown by this much since starts the count of failures anew. */
  private static final long SOLID_PROGRESS = 1 << 20;

  /** A server that wants to be left alone for longer is taken as a refusal. */
  private static final Duration MAX_RETRY_AFTER = Duration.ofMinutes(1);

  /** Trouble that may be over soon. */
  private static final class Trouble extends Exception {

    private static final long serialVersionUID = 1L;

    private final Duration retryAfter;

    Trouble(String reason, Duration retryAfter) {
      super(reason);
      this.retryAfter = retryAfter;
    }
  }

  private final HttpSettings settings;
  private final URI uri;
  private final PartFile part;
  private final ProgressListener progress;
  private Expected expected;
  private boolean answered;

  public HttpDownload(
      HttpSettings settings, URI uri, Expected expected, PartFile part, ProgressListener progress) {
    this.settings = settings;
    this.uri = uri;
    this.expected = expected;
    this.part = part;
    this.progress = progress;
  }

  /**
   * Fetches the file.
   *
   * @return what is expected of it, with what the server said
   */
  public Expected run() throws SourceException, InterruptedException {
    try (HttpConnection connection = new HttpConnection(settings)) {
      int failures = 0;
      long reached = part.length();
      while (true) {
        try {
          attempt(connection);
          return expected;
        } catch (Trouble trouble) {
          failures++;
          if (part.length() - reached >= SOLID_PROGRESS) {
            reached = part.length();
            failures = 1;
          }
          LOG.log(System.Logger.Level.DEBUG, "{0}: {1}", uri, trouble.getMessage());
          if (!answered || failures > MAX_FAILURES || isTooLong(trouble.retryAfter)) {
            throw SourceException.unreachable(String.valueOf(trouble.getMessage()), trouble);
          }
          settings.backoff().pause(failures, trouble.retryAfter);
        }
      }
    }
  }

  private static boolean isTooLong(Duration retryAfter) {
    return retryAfter.compareTo(MAX_RETRY_AFTER) > 0;
  }

  private void attempt(HttpConnection connection)
      throws SourceException, Trouble, InterruptedException {
    if (expected.hasBytes() && part.length() > expected.bytes()) {
      part.restart(Optional.empty());
    }
    if (part.length() == expected.bytes()) {
      return;
    }
    try (HttpAnswer answer = connection.get(uri, part.length(), part.validator())) {
      answered = true;
      expected = expected.and(answer.offered());
      switch (answer.status()) {
        case 200 -> {
          part.restart(answer.validator());
          receive(answer);
        }
        case 206 -> {
          checkContinues(answer);
          receive(answer);
        }
        case 416 -> {
          if (answer.totalBytes() != part.length()) {
            part.restart(Optional.empty());
            throw new Trouble("the file there is shorter than the part here", Duration.ZERO);
          }
        }
        case 408, 429, 500, 502, 503, 504 ->
            throw new Trouble(answer.explain(), answer.retryAfter());
        default -> throw SourceException.refused(answer.explain());
      }
    } catch (IOException e) {
      throw new Trouble(
          uri.getHost() + ": " + (e.getMessage() == null ? e.toString() : e.getMessage()),
          Duration.ZERO);
    }
  }

  /** A server that ignores {@code If-Range} must not make a file of two halves. */
  private void checkContinues(HttpAnswer answer) throws Trouble {
    boolean sameBytes = answer.validator().isEmpty() || answer.validator().equals(part.validator());
    if (!sameBytes || answer.rangeStart().orElse(-1) != part.length()) {
      part.restart(Optional.empty());
      throw new Trouble("the server does not continue the same file", Duration.ZERO);
    }
  }

  private void receive(HttpAnswer answer)
      throws IOException, SourceException, Trouble, InterruptedException {
    String encoding = answer.headers().firstValue("Content-Encoding").orElse("identity");
    if (!encoding.equalsIgnoreCase("identity")) {
      throw SourceException.refused("the server sends the file encoded as " + encoding);
    }
    expected = expected.and(new Expected(answer.totalBytes(), Optional.empty()));
    if (expected.hasBytes()) {
      part.requireSpace(expected.bytes() - part.length());
    }
    progress.onProgress(DOWNLOADING, part.length(), expected.bytes());
    while (true) {
      List<ByteBuffer> piece = answer.body().next(settings.idleTimeout());
      if (piece.isEmpty()) {
        break;
      }
      for (ByteBuffer bytes : piece) {
        append(bytes);
      }
      progress.onProgress(DOWNLOADING, part.length(), expected.bytes());
    }
    if (expected.hasBytes() && part.length() < expected.bytes()) {
      throw new Trouble("the connection ended early", Duration.ZERO);
    }
  }

  private void append(ByteBuffer bytes) throws SourceException, InterruptedException {
    if (expected.hasBytes() && bytes.remaining() > expected.bytes() - part.length()) {
      part.restart(Optional.empty());
      throw SourceException.refused(
          "the server sends more than the " + expected.bytes() + " bytes expected");
    }
    part.write(bytes);
  }
}
