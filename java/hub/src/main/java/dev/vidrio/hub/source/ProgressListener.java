package dev.vidrio.hub.source;

/**
 * Receives the progress of a pull. Called often, on the pulling thread, so it must return quickly.
 */
@FunctionalInterface
public interface ProgressListener {

  /** The total of a phase of unknown size. */
  long UNKNOWN = -1;

  /** The phases of a pull. */
  enum Phase {
    /** Waiting for another thread or process that pulls the same model. */
    WAITING,
    /** Downloading over the network. */
    DOWNLOADING,
    /** Copying the model file out of a downloaded archive. */
    UNPACKING,
    /** Computing the SHA-256 of bytes that are already on the disk. */
    VERIFYING
  }

  /** A listener that does nothing. */
  ProgressListener SILENT = (phase, bytesDone, bytesTotal) -> {};

  /**
   * Receives the progress of a phase.
   *
   * @param phase the current phase
   * @param bytesDone the bytes done in this phase; a resumed download starts above 0, and a
   *     restarted one returns to 0
   * @param bytesTotal the total bytes of the phase, or {@link #UNKNOWN}
   */
  void onProgress(Phase phase, long bytesDone, long bytesTotal);

  /**
   * Receives the failure of a source before the next one is tried. If the last source fails, the
   * pull's exception contains all reasons.
   *
   * @param next the next source
   * @param reason the failure of the previous source, one line
   */
  default void onNextSource(ModelSource next, String reason) {}
}
