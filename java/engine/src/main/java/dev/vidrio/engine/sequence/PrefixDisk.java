package dev.vidrio.engine.sequence;

import com.sun.management.OperatingSystemMXBean;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.state.DamagedStateException;
import dev.vidrio.model.state.ModelHash;
import dev.vidrio.model.state.StateDirectory;
import dev.vidrio.model.state.StateKey;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the prefixes of a prefix cache on disk, for later processes. Reads when a request begins;
 * writes behind, in a thread of its own, one state at a time and straight from the memory of the
 * cache. States that wait to be written take no memory: those that the prefix cache evicts are
 * dropped. While requests run, the writer takes at most {@value #BUSY_SHARE} of the process's CPU
 * time.
 *
 * <p>A failure of the file system never fails a request: reading is a miss, writing pauses. The
 * first failure of each kind is logged. Used by the scheduler's thread only, except the writer.
 */
public final class PrefixDisk {
  /** A state that waits to be written. */
  interface Write {
    /** Returns where it is written. */
    StateDirectory.Address address();

    /** Returns whether its memory still holds it. */
    boolean isNeeded();

    /** Keeps its memory unchanged until {@link #unpin}, and returns it. */
    List<MemorySegment> pin();

    /** Releases its memory. */
    void unpin();
  }

  /** A write that the writer performs. */
  private static final class Running {
    final Write write;
    final List<MemorySegment> parts;
    volatile boolean done;
    long bytes;
    long nanos;
    @Nullable IOException failure;

    Running(Write write, List<MemorySegment> parts) {
      this.write = write;
      this.parts = parts;
    }
  }

  private static final System.Logger LOG = System.getLogger("dev.vidrio.engine");

  /** Share of the process's CPU time for writing while requests run. */
  private static final double BUSY_SHARE = 0.01;

  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private static final Duration PAUSE = Duration.ofMinutes(1);

  private final StateDirectory directory;
  private final ModelHash model;
  private final Session session;
  private final Runnable onWritten;
  private final ThreadFactory threads;
  private final int maxPending;
  private final Queue<Write> pending = new ArrayDeque<>();
  private final BlockingQueue<Running> toWriter = new ArrayBlockingQueue<>(1);
  private @Nullable Thread writer;
  private @Nullable Running writing;
  // The CPU time of the process before which nothing is written while requests run.
  private long notBefore;
  private long pausedUntil = System.nanoTime();
  private boolean loggedDamage;
  private boolean loggedFailure;
  // Used by the writer.
  private boolean registered;
  private long hits;
  private long misses;
  private long readBytes;
  private long writtenBytes;
  private long dropped;

  /**
   * Opens the cache of a session's model.
   *
   * @param onWritten is called by the writer after each state
   */
  public PrefixDisk(StateDirectory directory, Session session, Runnable onWritten) {
    this(
        directory,
        session,
        onWritten,
        Thread.ofPlatform().daemon().name("vidrio-engine-disk").factory());
  }

  /** Opens a cache with a writer of a factory. */
  PrefixDisk(StateDirectory directory, Session session, Runnable onWritten, ThreadFactory threads) {
    this.directory = directory;
    this.threads = threads;
    this.session = session;
    this.onWritten = onWritten;
    this.model = ModelHash.of(session.model(), directory.hashes());
    try {
      directory.count();
    } catch (IOException e) {
      logFailure("cannot be listed", e);
    }
    // A block is offered once, and again only if it was evicted.
    this.maxPending = 2 * session.cache().blocks();
  }

  /** Returns the first key of sequences, or null if their prefixes are not shared. */
  @Nullable StateKey root(Object root) {
    return root instanceof PrefixRoot(var salt, var adaptation)
        ? StateKey.root(model, session, salt, adaptation)
        : null;
  }

  /** Returns the address of a state of the model. */
  StateDirectory.Address address(
      StateDirectory.Kind kind, StateKey key, StateKey parent, int positions) {
    return new StateDirectory.Address(model, kind, key, parent, positions);
  }

  /** Returns whether a state exists. */
  boolean contains(StateDirectory.Address address) {
    return directory.contains(address);
  }

  /** Reads a state into memory of the cache; returns false if there is none that is intact. */
  boolean read(StateDirectory.Address address, List<MemorySegment> parts) {
    boolean found = false;
    try {
      found = ifOpen(() -> directory.read(address, parts), false);
    } catch (DamagedStateException e) {
      if (!loggedDamage) {
        loggedDamage = true;
        LOG.log(
            Level.WARNING,
            "cache directory: a damaged file was deleted (further ones are not logged): "
                + e.getMessage());
      }
    } catch (IOException e) {
      logFailure("cannot be read", e);
    }
    if (found) {
      hits++;
      readBytes += parts.stream().mapToLong(MemorySegment::byteSize).sum();
    } else {
      misses++;
    }
    return found;
  }

  /** Work with files. */
  @FunctionalInterface
  private interface Work<T> {
    /** Does the work. */
    T run() throws IOException;
  }

  /** Returns the result of work while the session is open, or another value if it is closed. */
  private <T> T ifOpen(Work<T> work, T otherwise) throws IOException {
    var result =
        new Object() {
          T value = otherwise;
          @Nullable IOException failure;
        };
    session.runIfOpen(
        () -> {
          try {
            result.value = work.run();
          } catch (IOException e) {
            result.failure = e;
          }
        });
    if (result.failure != null) {
      throw result.failure;
    }
    return result.value;
  }

  private void logFailure(String what, IOException e) {
    if (!loggedFailure) {
      loggedFailure = true;
      LOG.log(
          Level.WARNING, "cache directory: " + what + " (further failures are not logged): " + e);
    }
  }

  /** Counts a lookup that found nothing. */
  void countMiss() {
    misses++;
  }

  /** Adds a state to those that wait to be written, or drops it if there are too many. */
  void offer(Write write) {
    if (pending.size() < maxPending) {
      pending.add(write);
    } else {
      dropped++;
    }
  }

  /**
   * Ends a finished write and begins the next one, if it is time.
   *
   * @param busy whether requests run
   */
  public void advance(boolean busy) {
    endWrite();
    long now = System.nanoTime();
    if (writing != null
        || pending.isEmpty()
        || now - pausedUntil < 0
        || (busy && SYSTEM.getProcessCpuTime() < notBefore)) {
      return;
    }
    for (Write next = pending.poll(); next != null; next = pending.poll()) {
      if (!next.isNeeded()) {
        dropped++;
      } else if (!directory.contains(next.address())) {
        if (hasWriter()) {
          var running = new Running(next, next.pin());
          writing = running;
          toWriter.add(running);
        } else {
          dropped++;
        }
        return;
      }
    }
  }

  /** Starts the writer, unless it runs. If the system refuses the thread, writing pauses. */
  private boolean hasWriter() {
    if (writer != null) {
      return true;
    }
    try {
      // On Linux it inherits the low priority of the scheduler's thread.
      Thread started = threads.newThread(this::writeUntilClosed);
      started.start();
      writer = started;
      return true;
    } catch (OutOfMemoryError e) {
      pause(new IOException(e));
      return false;
    }
  }

  /** Ends a finished write. */
  private void endWrite() {
    Running running = writing;
    if (running == null || !running.done) {
      return;
    }
    writing = null;
    running.write.unpin();
    writtenBytes += running.bytes;
    notBefore = SYSTEM.getProcessCpuTime() + (long) (running.nanos / BUSY_SHARE);
    if (running.failure != null) {
      pause(running.failure);
    }
  }

  /** Drops what waits to be written, and writes nothing for a while. */
  private void pause(IOException failure) {
    logFailure("cannot be written", failure);
    pausedUntil = System.nanoTime() + PAUSE.toNanos();
    dropped += pending.size();
    pending.clear();
  }

  /** Waits until the state in pinned memory is written; returns false if there is none. */
  boolean awaitWrite() {
    Running running = writing;
    if (running == null) {
      return false;
    }
    while (!running.done) {
      LockSupport.parkNanos(100_000);
    }
    endWrite();
    return true;
  }

  /** Writes what waits, as far as it can in a time, drops the rest and ends the writer. */
  public void close(Duration time) {
    long end = System.nanoTime() + time.toNanos();
    while (!session.isClosed() && System.nanoTime() - end < 0) {
      advance(false);
      if (!awaitWrite()) {
        break;
      }
    }
    dropped += pending.size();
    pending.clear();
    awaitWrite();
    if (writer != null) {
      writer.interrupt();
    }
  }

  private void writeUntilClosed() {
    try {
      while (true) {
        Running running = toWriter.take();
        try {
          write(running);
        } catch (IOException e) {
          running.failure = e;
        } catch (RuntimeException | Error e) {
          running.failure = new IOException(e);
        } finally {
          running.done = true;
        }
        onWritten.run();
      }
    } catch (InterruptedException e) {
      // The cache was closed.
    }
  }

  private void write(Running running) throws IOException {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long start = threads.getCurrentThreadCpuTime();
    if (!registered) {
      directory.register(model, session.model().name());
      registered = true;
    }
    running.bytes = ifOpen(() -> directory.write(running.write.address(), running.parts), 0L);
    running.nanos = Math.max(0, threads.getCurrentThreadCpuTime() - start);
  }

  /** Returns the number of states that were read. */
  public long hits() {
    return hits;
  }

  /** Returns the number of lookups that found no intact state. */
  public long misses() {
    return misses;
  }

  /** Returns the bytes of the states that were read. */
  public long readBytes() {
    return readBytes;
  }

  /** Returns the bytes of the states that were written. */
  public long writtenBytes() {
    return writtenBytes;
  }

  /**
   * Returns the number of states that were not written, since they were evicted or writing failed.
   */
  public long dropped() {
    return dropped;
  }

  /** Returns the number of states that wait to be written or are being written. */
  public int pending() {
    return pending.size() + (writing == null ? 0 : 1);
  }

  /** Returns the bytes of the directory, with the states of other models and processes. */
  public long bytes() {
    return directory.bytes();
  }
}
