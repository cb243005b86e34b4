package dev.vidrio.server;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * What this process holds.
 *
 * @param threads of the system but for the carriers of virtual ones, which come and go by
 *     themselves
 * @param files that are open, sockets included; 0 where the system does not tell
 */
record Resources(long threads, long files) {
  /** More than anything. */
  static final Resources NO_LIMIT = new Resources(1L << 40, 1L << 40);

  /** Threads and files of the JDK's own that begin when one is first needed. */
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

  /** Bytes of the heap after a collection. */
  static long bytes() {
    System.gc();
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }

  /** Whether no more threads and files are held, but for the few that the JDK adds once. */
  boolean isNoMoreThan(Resources other) {
    return threads <= other.threads + LAZY_THREADS && files <= other.files + LAZY_FILES;
  }
}
