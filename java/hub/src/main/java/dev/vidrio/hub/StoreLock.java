package dev.vidrio.hub;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A lock on one model's files, against other threads and other processes.
 *
 * <p>File locks belong to the whole process, so threads acquire an in-process lock first. Lock
 * files are never deleted: a process that waits on a deleted file would exclude no one.
 *
 * @param threads the lock of this process
 * @param channel the open lock file
 */
record StoreLock(ReentrantLock threads, FileChannel channel) implements Closeable {

  private static final Map<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

  /**
   * Acquires the lock, waiting if necessary.
   *
   * @param path the lock file
   * @param waiting called once if the lock is held
   */
  static StoreLock acquire(Path path, Runnable waiting) throws IOException, InterruptedException {
    Optional<StoreLock> free = tryAcquire(path);
    if (free.isPresent()) {
      return free.get();
    }
    waiting.run();
    ReentrantLock threads = threads(path);
    threads.lockInterruptibly();
    FileChannel channel = null;
    try {
      channel = open(path);
      FileLock _ = channel.lock();
      return new StoreLock(threads, channel);
    } catch (FileLockInterruptionException e) {
      release(threads, channel);
      Thread.interrupted();
      throw new InterruptedException("the pull was interrupted");
    } catch (Throwable e) {
      release(threads, channel);
      throw e;
    }
  }

  /** Acquires the lock if it is free. */
  static Optional<StoreLock> tryAcquire(Path path) throws IOException {
    ReentrantLock threads = threads(path);
    if (!threads.tryLock()) {
      return Optional.empty();
    }
    FileChannel channel = null;
    boolean locked = false;
    try {
      channel = open(path);
      locked = channel.tryLock() != null;
      return locked ? Optional.of(new StoreLock(threads, channel)) : Optional.empty();
    } finally {
      if (!locked) {
        release(threads, channel);
      }
    }
  }

  private static ReentrantLock threads(Path path) {
    return THREADS.computeIfAbsent(path.toAbsolutePath().normalize(), key -> new ReentrantLock());
  }

  private static FileChannel open(Path path) throws IOException {
    Files.createDirectories(path.toAbsolutePath().getParent());
    return FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }

  private static void release(ReentrantLock threads, @Nullable FileChannel channel)
      throws IOException {
    try {
      if (channel != null) {
        channel.close();
      }
    } finally {
      threads.unlock();
    }
  }

  @Override
  public void close() throws IOException {
    release(threads, channel);
  }
}
