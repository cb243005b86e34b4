package dev.vidrio.hub.download;

import dev.vidrio.hub.source.ProgressListener;
import java.util.Optional;

/**
 * The expected properties of a file before it is downloaded.
 *
 * @param bytes the size, or {@link ProgressListener#UNKNOWN}
 * @param sha256 the SHA-256, if known
 */
public record ExpectedFile(long bytes, Optional<String> sha256) {

  /** Nothing is known. */
  public static final ExpectedFile NOTHING =
      new ExpectedFile(ProgressListener.UNKNOWN, Optional.empty());

  /**
   * Adds the properties that a server declares.
   *
   * @throws SourceException if they contradict the expected ones, so that the download would be
   *     useless
   */
  ExpectedFile and(ExpectedFile offered) throws SourceException {
    if (hasBytes() && offered.hasBytes() && bytes != offered.bytes) {
      throw SourceException.refused(
          "the server's file has " + offered.bytes + " bytes, expected " + bytes);
    }
    if (sha256.isPresent() && offered.sha256.isPresent() && !sha256.equals(offered.sha256)) {
      throw SourceException.refused(
          "the server's file has SHA-256 %s, expected %s: it has been replaced"
              .formatted(offered.sha256.get(), sha256.get()));
    }
    return new ExpectedFile(hasBytes() ? bytes : offered.bytes, sha256.or(() -> offered.sha256));
  }

  /** Returns whether the size is known. */
  public boolean hasBytes() {
    return bytes >= 0;
  }
}
