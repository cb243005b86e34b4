package dev.vidrio.model.architecture;

/** Receives the progress of loading weights. */
@FunctionalInterface
public interface LoadListener {

  /** Ignores all progress. */
  LoadListener SILENT = (bytesDone, bytesTotal) -> {};

  /**
   * Receives progress, on the opening thread: first 0 bytes, then not fewer than before, and
   * finally, unless loading fails, all of them. An exception ends loading and is thrown by {@link
   * dev.vidrio.model.Model#open(java.nio.file.Path)}.
   *
   * @param bytesDone bytes of the file's tensors that are ready
   * @param bytesTotal bytes of all its tensors, constant
   */
  void onProgress(long bytesDone, long bytesTotal);
}
