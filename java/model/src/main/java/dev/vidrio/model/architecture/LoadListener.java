package dev.vidrio.model.architecture;

/** Receives the progress of loading weights. */
@FunctionalInterface
public interface LoadListener {

  /** Hears nothing. */
  LoadListener SILENT = (bytesDone, bytesTotal) -> {};

  /**
   * Reports a step. Called on the opening thread: at first with 0 bytes, then never with fewer than
   * before, and last of all, unless loading fails, with all of them. What it throws ends the
   * loading and leaves {@link dev.vidrio.model.Model#open(java.nio.file.Path)}.
   *
   * @param bytesDone bytes of the file's tensors that are ready
   * @param bytesTotal bytes of all its tensors, the same in every call
   */
  void onProgress(long bytesDone, long bytesTotal);
}
