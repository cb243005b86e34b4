package dev.vidrio.hub.source;

/**
 * Receives the progress of a pull. Called often, on the pulling thread, so it must return quickly.
 */
@FunctionalInterface
public interface ProgressListener {

  /** The total of a phase whose size is not known. */
  long UNKNOWN = -1;

  /** What a pull is doing. */
  enum Phase {
    /** Another thread or process is pulling the same model. */
    WAITING,
    /** Bytes come over the network. */
    DOWNLOADING,
    /** The model file is copied out of a downloaded archive. */
    UNPACKING,
    /** Bytes that are on the disk already are read for their SHA-256. */
    VERIFYING
  }

  /** Hears nothing. */
  ProgressListener SILENT = (phase, bytesDone, bytesTotal) -> {};

  /**
   * Reports a step.
   *
   * @param phase what is being done
   * @param bytesDone bytes done in this phase; a resumed download starts above 0, and a download
   *     that starts over goes back to 0
   * @param bytesTotal bytes of the whole phase, or {@link #UNKNOWN}
   */
  void onProgress(Phase phase, long bytesDone, long bytesTotal);

  /**
   * Reports that a source failed and another is tried. Where the last one fails, the exception of
   * the pull says what went wrong with each.
   *
   * @param next the source that is tried next
   * @param reason what went wrong with the one before, one line
   */
  default void onNextSource(ModelSource next, String reason) {}
}
