package dev.vidrio.model.state;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.kernel.host.Sha256;
import dev.vidrio.model.load.LoadedModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The identity of a model: a SHA-256 of all its metadata and weights, so that a changed weight
 * gives another one. It reads the whole file, about a second per gigabyte and core; {@link
 * #of(LoadedModel, Path)} remembers it.
 *
 * @param hex 64 hexadecimal digits
 */
public record ModelHash(String hex) {
  private static final String FORMAT = "vidrio model hash 1";
  private static final long CHUNK = 1 << 26;

  /**
   * How much older than the model's opening a file must be. A file system's clock may be coarse,
   * and a file that was replaced meanwhile is not the one that is open.
   */
  private static final Duration SETTLED = Duration.ofSeconds(2);

  /** Computes the hash of an open model. */
  public static ModelHash of(LoadedModel model) {
    return of(model.gguf());
  }

  /** Computes the hash of a file. */
  static ModelHash of(Gguf gguf) {
    MessageDigest all = Sha256.newDigest();
    gguf.metadata()
        .entries()
        .forEach(
            (key, value) -> {
              put(all, key);
              put(all, value);
            });
    List<String> tensors = gguf.tensors().parallelStream().map(ModelHash::hash).toList();
    tensors.forEach(tensor -> put(all, tensor));
    return new ModelHash(HexFormat.of().formatHex(all.digest()));
  }

  private static void put(MessageDigest digest, GgufValue value) {
    switch (value) {
      case GgufValue.Text(MemorySegment utf8) -> update(digest, utf8);
      case GgufValue.Array array -> {
        put(digest, array.elementType() + " " + array.length());
        update(digest, array.data());
      }
      default -> put(digest, value.type() + " " + value);
    }
  }

  private static void put(MessageDigest digest, String text) {
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) 0);
  }

  private static String hash(GgufTensor tensor) {
    MessageDigest digest = Sha256.newDigest();
    update(digest, tensor.data());
    return tensor.name()
        + " "
        + tensor.type()
        + " "
        + tensor.shape()
        + " "
        + HexFormat.of().formatHex(digest.digest());
  }

  private static void update(MessageDigest digest, MemorySegment data) {
    for (long i = 0; i < data.byteSize(); i += CHUNK) {
      digest.update(data.asSlice(i, Math.min(CHUNK, data.byteSize() - i)).asByteBuffer());
    }
  }

  /**
   * Returns the hash of an open model, from a small file in a directory if it was computed before.
   * The model's files count as unchanged since then if their names, sizes, identities and times of
   * the last changes are equal. These times cannot be set on POSIX systems, and files that changed
   * just before or after the model was opened are not remembered. The hash is computed once per
   * open model.
   *
   * @param directory where the hash is remembered; created if missing
   */
  public static ModelHash of(LoadedModel model, Path directory) {
    return model.cached(ModelHash.class, arena -> of(model, directory, SETTLED));
  }

  static ModelHash of(LoadedModel model, Path directory, Duration settled) {
    Optional<Path> file = model.file();
    if (file.isEmpty()) {
      return of(model);
    }
    try {
      Path path = file.get().toRealPath();
      Optional<String> signature = signature(path, model.opened().minus(settled));
      if (signature.isEmpty()) {
        return of(model);
      }
      MessageDigest name = Sha256.newDigest();
      put(name, path.toString());
      Path remembered = directory.resolve(HexFormat.of().formatHex(name.digest(), 0, 16));
      Optional<ModelHash> known = read(remembered, signature.get());
      if (known.isPresent()) {
        return known.get();
      }
      ModelHash computed = of(model);
      if (signature(path, model.opened().minus(settled)).equals(signature)) {
        write(remembered, signature.get(), computed);
      }
      return computed;
    } catch (IOException e) {
      // The directory or the file cannot be read, so that nothing can be remembered.
      return of(model);
    }
  }

  private static Optional<ModelHash> read(Path remembered, String signature) throws IOException {
    if (!Files.isRegularFile(remembered) || Files.size(remembered) > 1 << 20) {
      return Optional.empty();
    }
    List<String> lines = Files.readString(remembered).lines().toList();
    boolean equal =
        lines.size() >= 3
            && lines.getFirst().equals(FORMAT)
            && lines.get(1).matches("[0-9a-f]{64}")
            && String.join("\n", lines.subList(2, lines.size())).equals(signature);
    return equal ? Optional.of(new ModelHash(lines.get(1))) : Optional.empty();
  }

  private static void write(Path remembered, String signature, ModelHash hash) throws IOException {
    PrivateFiles.createDirectories(PrivateFiles.directoryOf(remembered));
    PrivateFiles.write(
        remembered,
        channel ->
            channel.write(
                StandardCharsets.UTF_8.encode(FORMAT + "\n" + hash.hex + "\n" + signature + "\n")));
  }

  /**
   * Returns what identifies the files of a model; empty if one changed just before it was opened,
   * or later.
   */
  private static Optional<String> signature(Path path, Instant before) throws IOException {
    StringBuilder lines = new StringBuilder();
    FileTime latest = FileTime.from(before);
    for (Path file : files(path)) {
      var attributes = Files.readAttributes(file, BasicFileAttributes.class);
      FileTime changed = changed(file, attributes);
      if (changed.compareTo(latest) >= 0) {
        return Optional.empty();
      }
      lines
          .append(lines.isEmpty() ? "" : "\n")
          .append(file.getFileName())
          .append(' ')
          .append(attributes.size())
          .append(' ')
          .append(attributes.fileKey())
          .append(' ')
          .append(attributes.lastModifiedTime())
          .append(' ')
          .append(changed);
    }
    return Optional.of(lines.toString());
  }

  /** Returns the time of the last change of a file's content or attributes. */
  private static FileTime changed(Path file, BasicFileAttributes attributes) throws IOException {
    return file.getFileSystem().supportedFileAttributeViews().contains("unix")
        ? (FileTime) Files.getAttribute(file, "unix:ctime")
        : attributes.lastModifiedTime();
  }

  /** Returns the files of a directory, the parts of a split file, or the file, sorted. */
  private static List<Path> files(Path path) throws IOException {
    String name = String.valueOf(path.getFileName());
    boolean isPart = name.matches(".*-\\d{5}-of-\\d{5}\\.gguf");
    if (!isPart && !Files.isDirectory(path)) {
      return List.of(path);
    }
    Path directory = isPart ? path.getParent() : path;
    String prefix = isPart ? name.replaceFirst("-\\d{5}-of-\\d{5}\\.gguf$", "") : "";
    try (Stream<Path> listed = Files.list(directory)) {
      return listed
          .filter(Files::isRegularFile)
          .filter(file -> String.valueOf(file.getFileName()).startsWith(prefix))
          .sorted()
          .toList();
    }
  }

  @Override
  public String toString() {
    return hex;
  }
}
