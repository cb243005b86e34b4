package dev.vidrio.cli.io;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A temporary directory in which a command runs for a client of the server. Names of files, in
 * options and in the texts of edits, are relative to it, and the command has no standard input and
 * no terminal. Names that begin with {@code shared/} are read from a directory of the server.
 */
public final class Workspace implements AutoCloseable {
  /** The first part of the names of shared files. */
  private static final String SHARED = "shared";

  private static final int MAX_SHARED_NAMES = 10_000;

  private static final ScopedValue<Workspace> CURRENT = ScopedValue.newInstance();

  private final Path directory;
  private final @Nullable Path shared;
  private final Map<String, byte[]> given;

  private Workspace(Path directory, @Nullable Path shared, Map<String, byte[]> given) {
    this.directory = directory;
    this.shared = shared;
    this.given = given;
  }

  /**
   * Creates a workspace.
   *
   * @param parent the directory in which to create it
   * @param shared the directory of shared files; null for none
   * @param files contents by relative name
   * @throws UsageException if a name is not a plain relative path
   */
  public static Workspace create(Path parent, @Nullable Path shared, Map<String, byte[]> files)
      throws IOException {
    var workspace = new Workspace(Files.createTempDirectory(parent, "vidrio-lens"), shared, files);
    try {
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        Path path = workspace.resolve(file.getKey());
        if (!path.startsWith(workspace.directory)) {
          throw new UsageException(file.getKey() + ": is in the directory of shared files");
        }
        Files.createDirectories(Objects.requireNonNull(path.getParent()));
        Files.write(path, file.getValue());
      }
      return workspace;
    } catch (IOException | RuntimeException e) {
      workspace.close();
      throw e;
    }
  }

  /**
   * Returns the names by which requests read the files of a directory, sorted: the first {@value
   * #MAX_SHARED_NAMES}.
   *
   * @throws IOException if the directory cannot be read
   */
  public static List<String> sharedNames(Path directory) throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      return paths
          .filter(Files::isRegularFile)
          .map(path -> sharedName(directory, path))
          .sorted()
          .limit(MAX_SHARED_NAMES)
          .toList();
    } catch (UncheckedIOException e) {
      throw Objects.requireNonNull(e.getCause());
    }
  }

  /**
   * Returns the directories of shared files by the names that requests give them, sorted: the first
   * {@value #MAX_SHARED_NAMES}, this directory included.
   *
   * @throws IOException if the directory cannot be read
   */
  public static Map<String, Path> sharedDirectories(Path directory) throws IOException {
    var named = new TreeMap<String, Path>();
    try (Stream<Path> paths = Files.walk(directory)) {
      paths
          .filter(Files::isDirectory)
          .sorted()
          .limit(MAX_SHARED_NAMES)
          .forEach(path -> named.put(sharedName(directory, path), path));
    } catch (UncheckedIOException e) {
      throw Objects.requireNonNull(e.getCause());
    }
    return named;
  }

  /** Returns the name of a shared file or directory in requests. */
  private static String sharedName(Path directory, Path path) {
    String relative = directory.relativize(path).toString().replace('\\', '/');
    return relative.isEmpty() ? SHARED : SHARED + "/" + relative;
  }

  /** Runs work of the current thread in this workspace. */
  public <T> T call(ScopedValue.CallableOp<T, IOException> work) throws IOException {
    return ScopedValue.where(CURRENT, this).call(work);
  }

  /** Returns whether the current thread runs in a workspace. */
  public static boolean isActive() {
    return CURRENT.isBound();
  }

  /**
   * Returns the file that a user names: in the workspace, if there is one.
   *
   * @throws UsageException if the name is not a plain relative path in a workspace
   */
  public static Path path(String name) {
    return CURRENT.isBound() ? CURRENT.get().resolve(name) : Path.of(name);
  }

  /**
   * Rejects a shared file as an output.
   *
   * @throws CommandException if the file is not in the directory of the workspace
   */
  static void requireInside(Path file) {
    if (CURRENT.isBound() && !file.startsWith(CURRENT.get().directory)) {
      throw new CommandException(SHARED + "/" + file.getFileName() + ": cannot be written");
    }
  }

  private Path resolve(String name) {
    List<String> parts = Arrays.asList(name.split("/", -1));
    if (name.indexOf('\\') >= 0
        || parts.stream()
            .anyMatch(part -> part.isEmpty() || part.equals(".") || part.equals(".."))) {
      throw new UsageException(name + ": must be a relative path without . and ..");
    }
    try {
      if (!parts.getFirst().equals(SHARED)) {
        return directory.resolve(name);
      }
      if (shared == null) {
        throw new UsageException(name + ": the server shares no files (--lens-files)");
      }
      return shared.resolve(String.join("/", parts.subList(1, parts.size())));
    } catch (InvalidPathException e) {
      throw new UsageException(name + ": is not a valid name of a file");
    }
  }

  /** Returns a text without the path of this workspace, such as an error that names a file. */
  public String relative(String text) {
    String own = text.replace(directory + directory.getFileSystem().getSeparator(), "");
    return shared == null ? own : own.replace(shared.toString(), SHARED);
  }

  /** Returns the contents of the files that the work has written, by relative name. */
  public Map<String, byte[]> written() throws IOException {
    Map<String, byte[]> written = new LinkedHashMap<>();
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.filter(Files::isRegularFile).sorted().toList()) {
        String name = directory.relativize(path).toString().replace('\\', '/');
        byte[] content = Files.readAllBytes(path);
        byte[] before = given.get(name);
        if (before == null || !Arrays.equals(content, before)) {
          written.put(name, content);
        }
      }
    }
    return written;
  }

  /**
   * Returns the content of a file.
   *
   * @param limit maximum size, in bytes
   * @throws UsageException if there is no such file in the workspace, or it is too large
   */
  public byte[] content(String name, long limit) throws IOException {
    Path path = resolve(name);
    if (!path.startsWith(directory) || !Files.isRegularFile(path)) {
      throw new UsageException(name + ": is not a file that the command writes");
    }
    long size = Files.size(path);
    if (size > limit) {
      throw new UsageException(name + ": " + size + " bytes exceed the limit of " + limit);
    }
    return Files.readAllBytes(path);
  }

  /** Deletes the directory and its files. */
  @Override
  public void close() {
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
