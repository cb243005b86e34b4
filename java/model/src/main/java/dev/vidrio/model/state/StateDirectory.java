package dev.vidrio.model.state;

import dev.vidrio.error.InvalidInputException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A directory of computed states, limited in bytes. Any number of threads, processes and machines
 * may use it at once, without locks: a state never changes, is renamed to its name when it is
 * whole, and is deleted as a whole. A reader that has opened a file reads it to its end.
 *
 * <pre>
 *   DIR/MODEL/POSITIONS-PARENT-KEY.block    a full block of the key-value cache
 *   DIR/MODEL/POSITIONS-PARENT-KEY.state    states of recurrent layers, with the block they are in
 *   DIR/MODEL/name                          the model's name, for people
 *   DIR/models/…                            hashes of model files ({@link ModelHash})
 * </pre>
 *
 * <p>MODEL, PARENT and KEY are the first digits of hashes; PARENT is the key of the block before.
 * If the files exceed the limit, the least recently used are deleted. The time of the last use is a
 * file's time of modification. Using a state also counts as using those before it.
 *
 * <p>Errors of the file system are {@link IOException}s, for the caller to handle. Thread-safe.
 *
 * @see "docs/adr/026-states-on-disk.md"
 */
public final class StateDirectory {
  /** The content of a file. */
  public enum Kind {
    /** A block of the key-value cache. */
    BLOCK,
    /** A slot of states, preceded by the block in which the positions end. */
    STATE;

    private String extension() {
      return this == BLOCK ? ".block" : ".state";
    }
  }

  /** The default limit in bytes. */
  public static final long DEFAULT_BYTES = 10L << 30;

  /** The part of the limit that remains after files were deleted. */
  private static final double KEPT = 0.9;

  /** The part of the limit after which the files are counted again, since others write too. */
  private static final double UNCOUNTED = 1 / 16.0;

  private static final int KEY_DIGITS = 40;
  private static final int PARENT_DIGITS = 16;
  private static final String HASHES = "models";
  private static final String NAME = "name";
  private static final Duration ABANDONED = Duration.ofHours(1);

  private final Path directory;
  private final long maxBytes;
  private long bytes;
  // Bytes written by this process since the files were counted.
  private long uncounted;

  private StateDirectory(Path directory, long maxBytes) {
    this.directory = directory;
    this.maxBytes = maxBytes;
  }

  /**
   * Opens a directory, which is created if it is missing.
   *
   * @param maxBytes the limit of its files in bytes; positive
   * @throws InvalidInputException if it cannot be created or files cannot be created in it
   */
  public static StateDirectory open(Path directory, long maxBytes) {
    InvalidInputException.requireRange("cache directory bytes", maxBytes, 1, Long.MAX_VALUE);
    try {
      PrivateFiles.createDirectories(directory);
      Path probe = directory.resolve("probe");
      PrivateFiles.write(probe, channel -> {});
      Files.deleteIfExists(probe);
    } catch (IOException e) {
      throw new InvalidInputException("cache directory", directory, "cannot be written: " + e);
    }
    return new StateDirectory(directory, maxBytes);
  }

  /** Returns the directory of the hashes of model files. */
  public Path hashes() {
    return directory.resolve(HASHES);
  }

  private Path of(ModelHash model) {
    return directory.resolve(model.hex().substring(0, PARENT_DIGITS));
  }

  /**
   * Creates the directory of a model.
   *
   * @param name the model's name, for people
   */
  public void register(ModelHash model, String name) throws IOException {
    PrivateFiles.createDirectories(of(model));
    Path label = of(model).resolve(NAME);
    if (!Files.exists(label)) {
      PrivateFiles.write(
          label, channel -> channel.write(StandardCharsets.UTF_8.encode(name + "\n")));
    }
  }

  /**
   * Names a state.
   *
   * @param model the model
   * @param kind the content
   * @param key the key after all positions
   * @param parent the key after the full blocks before
   * @param positions the number of tokens after which the state is reached
   */
  public record Address(ModelHash model, Kind kind, StateKey key, StateKey parent, int positions) {}

  private Path path(Address address) {
    return of(address.model)
        .resolve(
            address.positions
                + "-"
                + address.parent.hex().substring(0, PARENT_DIGITS)
                + "-"
                + address.key.hex().substring(0, KEY_DIGITS)
                + address.kind.extension());
  }

  /** Returns whether a state exists. */
  public boolean contains(Address address) {
    return Files.exists(path(address));
  }

  /**
   * Reads a state and marks it as used.
   *
   * @return false if it does not exist
   * @throws DamagedStateException if the file is damaged; it is deleted
   */
  public boolean read(Address address, List<MemorySegment> parts) throws IOException {
    Path path = path(address);
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      if (channel.size() != StateFile.bytes(parts)) {
        throw new DamagedStateException(
            "size: %s bytes, not %s".formatted(channel.size(), StateFile.bytes(parts)));
      }
      StateFile.read(channel, address.key, address.positions, parts);
    } catch (NoSuchFileException e) {
      return false;
    } catch (DamagedStateException e) {
      Files.deleteIfExists(path);
      throw new DamagedStateException(path + ": " + e.getMessage());
    }
    touch(path);
    return true;
  }

  private static void touch(Path path) {
    try {
      Files.setLastModifiedTime(path, FileTime.from(Instant.now()));
    } catch (IOException e) {
      // It was deleted meanwhile, or belongs to another user: it is read all the same.
    }
  }

  /**
   * Writes a state, unless it exists, and deletes the least recently used ones if there are too
   * many.
   *
   * @return the bytes written; 0 if it exists
   */
  public long write(Address address, List<MemorySegment> parts) throws IOException {
    Path path = path(address);
    long size = StateFile.bytes(parts);
    if (size > maxBytes || Files.exists(path)) {
      return 0;
    }
    PrivateFiles.write(
        path, channel -> StateFile.write(channel, address.key, address.positions, parts));
    if (addBytes(size) > maxBytes) {
      evict();
    }
    return size;
  }

  /** Counts the bytes of the files, unless few were written since they were counted. */
  private synchronized long addBytes(long more) throws IOException {
    uncounted += more;
    bytes += more;
    if (uncounted > UNCOUNTED * maxBytes) {
      count();
    }
    return bytes;
  }

  /** Counts the bytes of the files, which other processes may have written. */
  public synchronized void count() throws IOException {
    bytes = files().stream().mapToLong(Entry::bytes).sum();
    uncounted = 0;
  }

  /**
   * Returns the bytes of the files as last {@linkplain #count counted}, and those written since.
   */
  public synchronized long bytes() {
    return bytes;
  }

  /** A file of the directory. */
  private record Entry(Path path, long bytes, Instant used) {
    private String[] names() {
      return String.valueOf(path.getFileName()).split("[-.]");
    }

    private int positions() {
      return Integer.parseInt(names()[0]);
    }

    private String parent() {
      return path.getParent() + "/" + names()[1];
    }

    private String key() {
      return path.getParent() + "/" + names()[2].substring(0, PARENT_DIGITS);
    }

    private boolean isState() {
      return String.valueOf(path.getFileName())
          .matches("\\d{1,9}-[0-9a-f]{16}-[0-9a-f]{40}\\.(block|state)");
    }

    private boolean isTemporary() {
      return String.valueOf(path.getFileName()).startsWith(PrivateFiles.TEMPORARY);
    }
  }

  /** Returns the states and the temporary files of all models. */
  private List<Entry> files() throws IOException {
    List<Entry> entries = new ArrayList<>();
    for (Path model : models()) {
      try (Stream<Path> files = Files.list(model)) {
        for (Path file : (Iterable<Path>) files::iterator) {
          Entry entry = entry(file);
          if (entry != null && (entry.isState() || entry.isTemporary())) {
            entries.add(entry);
          }
        }
      }
    }
    return entries;
  }

  private List<Path> models() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .filter(file -> String.valueOf(file.getFileName()).matches("[0-9a-f]{16}"))
          .filter(Files::isDirectory)
          .sorted()
          .toList();
    }
  }

  private static @Nullable Entry entry(Path file) throws IOException {
    try {
      var attributes = Files.readAttributes(file, BasicFileAttributes.class);
      return attributes.isRegularFile()
          ? new Entry(file, attributes.size(), attributes.lastModifiedTime().toInstant())
          : null;
    } catch (NoSuchFileException e) {
      return null; // deleted by another process
    }
  }

  /** Deletes the least recently used states, and temporary files of processes that were killed. */
  private void evict() throws IOException {
    List<Entry> entries = files();
    long left = entries.stream().mapToLong(Entry::bytes).sum();
    Instant abandoned = Instant.now().minus(ABANDONED);
    for (Entry entry : entries) {
      if (entry.isTemporary() && entry.used.isBefore(abandoned)) {
        Files.deleteIfExists(entry.path);
        left -= entry.bytes;
      }
    }
    for (Entry entry : leastRecentlyUsed(entries.stream().filter(Entry::isState).toList())) {
      if (left <= KEPT * maxBytes) {
        break;
      }
      Files.deleteIfExists(entry.path);
      left -= entry.bytes;
    }
    count();
  }

  /** Sorts states by their last use or that of a later state, children before their parents. */
  private static List<Entry> leastRecentlyUsed(List<Entry> entries) {
    Map<String, Entry> blocks = new HashMap<>();
    entries.stream()
        .filter(entry -> entry.path.toString().endsWith(Kind.BLOCK.extension()))
        .forEach(entry -> blocks.put(entry.key(), entry));
    Map<Path, Instant> used = new HashMap<>();
    List<Entry> latestFirst =
        entries.stream().sorted(Comparator.comparing(Entry::used).reversed()).toList();
    for (Entry entry : latestFirst) {
      for (Entry each = entry;
          each != null && used.putIfAbsent(each.path, entry.used) == null;
          each = blocks.get(each.parent())) {}
    }
    return entries.stream()
        .sorted(
            Comparator.comparing((Entry entry) -> used.get(entry.path))
                .thenComparing(Comparator.comparingInt(Entry::positions).reversed()))
        .toList();
  }

  /**
   * The states of one model.
   *
   * @param model the first digits of its hash
   * @param name the name under which it was opened first
   * @param states the number of files
   * @param bytes their size
   * @param positions the longest prefix in tokens
   * @param used the last use; null if there are no states
   */
  public record Usage(
      String model, String name, int states, long bytes, int positions, @Nullable Instant used) {}

  /** Lists the models with states. */
  public List<Usage> list() throws IOException {
    List<Entry> entries = files().stream().filter(Entry::isState).toList();
    List<Usage> usages = new ArrayList<>();
    for (Path model : models()) {
      List<Entry> own =
          entries.stream().filter(entry -> model.equals(entry.path.getParent())).toList();
      Path label = model.resolve(NAME);
      usages.add(
          new Usage(
              String.valueOf(model.getFileName()),
              Files.exists(label) ? Files.readString(label).strip() : "",
              own.size(),
              own.stream().mapToLong(Entry::bytes).sum(),
              own.stream().mapToInt(Entry::positions).max().orElse(0),
              own.stream().map(Entry::used).max(Comparator.naturalOrder()).orElse(null)));
    }
    return usages;
  }

  /**
   * Deletes all states, the hashes of model files and nothing else.
   *
   * @return the number of bytes deleted
   */
  public long clear() throws IOException {
    long deleted = 0;
    for (Entry entry : files()) {
      Files.deleteIfExists(entry.path);
      deleted += entry.bytes;
    }
    for (Path model : models()) {
      Files.deleteIfExists(model.resolve(NAME));
      deleteIfEmpty(model);
    }
    if (Files.isDirectory(hashes())) {
      try (Stream<Path> files = Files.list(hashes())) {
        for (Path file : (Iterable<Path>) files::iterator) {
          if (String.valueOf(file.getFileName()).matches("[0-9a-f]{32}")) {
            Files.deleteIfExists(file);
          }
        }
      }
      deleteIfEmpty(hashes());
    }
    count();
    return deleted;
  }

  private static void deleteIfEmpty(Path path) throws IOException {
    try (Stream<Path> files = Files.list(path)) {
      if (files.findAny().isPresent()) {
        return;
      }
    }
    Files.deleteIfExists(path);
  }
}
