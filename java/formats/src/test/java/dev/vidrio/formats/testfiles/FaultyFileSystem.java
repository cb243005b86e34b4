package dev.vidrio.formats.testfiles;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.WatchService;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.spi.FileSystemProvider;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The default file system, in which one operation fails: opening, reading, writing, mapping,
 * renaming and so on. All reads and writes may be short. Not thread-safe, except for counting.
 */
public final class FaultyFileSystem extends FileSystem {
  /** The message of the failing operation. */
  public static final String MESSAGE = "No space left on device";

  private final FileSystem real = Path.of("").getFileSystem();
  private final FaultyProvider provider = new FaultyProvider(this);
  private final List<MemorySegment> mapped = new ArrayList<>();
  private int left = Integer.MAX_VALUE;
  private boolean isShort;
  private Work afterMap = () -> {};

  /** Returns the path of this file system to a file. */
  public Path path(Path file) {
    return wrap(file);
  }

  /** Work on files. */
  public interface Work {
    /** Works. */
    void run() throws IOException;
  }

  /**
   * Runs work again and again, and lets each of its operations fail in turn, until none fails.
   *
   * @param before prepares each run
   * @param failures receives the exceptions of failed runs
   * @param after checks each run, while no operation fails
   * @return the number of operations
   */
  public int failEach(Work before, Work work, Consumer<Exception> failures, Work after)
      throws IOException {
    for (int operations = 0; ; operations++) {
      before.run();
      failAfter(operations);
      try {
        work.run();
      } catch (IOException | RuntimeException e) {
        failures.accept(e);
      }
      boolean failed = hasFailed();
      failAfter(Integer.MAX_VALUE);
      after.run();
      if (!failed) {
        return operations;
      }
    }
  }

  /** Asserts that an exception names a file of a directory, and the reason of the failure. */
  public static void assertNamesFileAndReason(Path directory, Exception e) {
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains(directory.toString()) && message.contains(MESSAGE), message);
  }

  /** Lets the operation after a number of others fail, once. */
  public synchronized void failAfter(int operations) {
    left = operations;
  }

  /** Returns whether an operation has failed since {@link #failAfter}. */
  public synchronized boolean hasFailed() {
    return left < 0;
  }

  /** Makes all reads and writes transfer at most three bytes. */
  public void shortenTransfers() {
    isShort = true;
  }

  /** Sets work that is done after each mapping of a file. */
  public void afterMap(Work work) {
    afterMap = work;
  }

  /** Returns whether a mapped file is still in memory. */
  public synchronized boolean hasMappedMemory() {
    return mapped.stream().anyMatch(segment -> segment.scope().isAlive());
  }

  /** Returns the most bytes that a read or write may transfer. */
  int transferLimit() {
    return isShort ? 3 : Integer.MAX_VALUE;
  }

  /** Counts an operation, which may be the failing one. */
  synchronized void operate() throws IOException {
    if (left >= 0 && left-- == 0) {
      throw new IOException(MESSAGE);
    }
  }

  synchronized MemorySegment remember(MemorySegment segment) throws IOException {
    mapped.add(segment);
    afterMap.run();
    return segment;
  }

  /** Returns the path of this file system for one of the default file system. */
  Path wrap(Path path) {
    return (Path)
        Proxy.newProxyInstance(
            Path.class.getClassLoader(),
            new Class<?>[] {Path.class},
            (proxy, method, arguments) -> call(path, method, arguments));
  }

  /** Returns the path of the default file system. */
  static Path unwrap(Path path) {
    return Path.of(path.toString());
  }

  private @Nullable Object call(Path path, Method method, @Nullable Object @Nullable [] arguments)
      throws Throwable {
    if (method.getName().equals("getFileSystem")) {
      return this;
    }
    Object[] given = arguments == null ? new Object[0] : arguments.clone();
    for (int i = 0; i < given.length; i++) {
      given[i] = given[i] instanceof Path other ? unwrap(other) : given[i];
    }
    try {
      return switch (method.invoke(path, given)) {
        case Path other -> wrap(other);
        case Iterator<?> names -> {
          List<Path> wrapped = new ArrayList<>();
          names.forEachRemaining(name -> wrapped.add(wrap((Path) name)));
          yield wrapped.iterator();
        }
        case null -> null;
        case Object other -> other;
      };
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  @Override
  public FileSystemProvider provider() {
    return provider;
  }

  @Override
  public void close() {}

  @Override
  public boolean isOpen() {
    return true;
  }

  @Override
  public boolean isReadOnly() {
    return false;
  }

  @Override
  public String getSeparator() {
    return real.getSeparator();
  }

  @Override
  public Iterable<Path> getRootDirectories() {
    return List.of();
  }

  @Override
  public Iterable<FileStore> getFileStores() {
    return real.getFileStores();
  }

  @Override
  public Set<String> supportedFileAttributeViews() {
    return real.supportedFileAttributeViews();
  }

  @Override
  public Path getPath(String first, String... more) {
    return wrap(real.getPath(first, more));
  }

  @Override
  public PathMatcher getPathMatcher(String pattern) {
    return path -> real.getPathMatcher(pattern).matches(unwrap(path));
  }

  @Override
  public UserPrincipalLookupService getUserPrincipalLookupService() {
    return real.getUserPrincipalLookupService();
  }

  @Override
  public WatchService newWatchService() throws IOException {
    return real.newWatchService();
  }
}
