package dev.vidrio.hub.download;

import dev.vidrio.hub.source.ProgressListener;
import java.util.Optional;

/**
 * What is known of a file before it is here.
 *
 * @param bytes its size, or {@link ProgressListener#UNKNOWN}
 * @param sha256 its SHA-256, if known
 */
public record Expected(long bytes, Optional<String> sha256) {

  public static final Expected NOTHING = new Expected(ProgressListener.UNKNOWN, Optional.empty());

  /**
   * Adds what a server says.
   *
   * @throws SourceException if it contradicts what is known, so that the download would be in vain
   */
  Expected and(Expected offered) throws SourceException {
    if (hasBytes() && offered.hasBytes() && bytes != offered.bytes) {
      throw SourceException.refused(
          "the file there has " + offered.bytes + " bytes, expected are " + bytes);
    }
    if (sha256.isPresent() && offered.sha256.isPresent() && !sha256.equals(offered.sha256)) {
      throw SourceException.refused(
          "the file there has SHA-256 "
              + offered.sha256.get()
              + ", expected is "
              + sha256.get()
              + ": it has been replaced");
    }
    return new Expected(hasBytes() ? bytes : offered.bytes, sha256.or(() -> offered.sha256));
  }

  public boolean hasBytes() {
    return bytes >= 0;
  }
}
