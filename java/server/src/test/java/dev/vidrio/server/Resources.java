package dev.vidrio.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * The resources of this process.
 *
 * @param threads platform threads, except for the carriers of virtual threads; their number varies
 * @param files open files and sockets; 0 if unknown
 */
record Resources(long threads, long files) {
  /** An upper bound. */
  static final Resources NO_LIMIT = new Resources(1L << 40, 1L << 40);

  /** Threads and files that the JDK opens on first use. */
  private static final int LAZY_THREADS = 4;

  private static final int LAZY_FILES = 16;

  private static final Path FILES = Path.of("/proc/self/fd");

  static Resources now() throws IOException {
    return new Resources(threadCount(), fileCount());
  }

  private static long threadCount() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> !thread.getName().startsWith("ForkJoinPool"))
        .count();
  }

  private static long fileCount() throws IOException {
    if (!Files.isDirectory(FILES)) {
      return 0;
    }
    try (Stream<Path> files = Files.list(FILES)) {
      return files.count();
    }
  }

  /** Returns the bytes of the heap after a collection. */
  static long bytes() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  /**
   * Returns whether there are no more threads and files, except for those that the JDK adds once.
   */
  boolean isNoMoreThan(Resources other) {
    return threads <= other.threads + LAZY_THREADS && files <= other.files + LAZY_FILES;
  }
}
