package dev.vidrio.hub;

import static dev.vidrio.hub.source.ProgressListener.Phase.VERIFYING;
import static dev.vidrio.hub.source.ProgressListener.Phase.WAITING;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelStoreException;
import dev.vidrio.hub.download.ExpectedFile;
import dev.vidrio.hub.download.RepositoryListing;
import dev.vidrio.hub.download.SourceException;
import dev.vidrio.hub.file.FileTree;
import dev.vidrio.hub.file.IoReason;
import dev.vidrio.hub.source.HuggingFaceRepository;
import dev.vidrio.hub.source.HuggingFaceSource;
import dev.vidrio.hub.source.ModelSource;
import dev.vidrio.hub.source.ProgressListener;
import dev.vidrio.kernel.host.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The user's local store of model files: resolves references, downloads, lists and removes models.
 *
 * {@snippet file="HubExamples.java" region="pull"}
 *
 * <p>The store is the directory {@code $VIDRIO_HOME/models}, else {@code
 * $XDG_CACHE_HOME/vidrio/models}, else {@code ~/.cache/vidrio/models}. Downloads are verified
 * against the SHA-256 of the catalog or, where it declares one, of Hugging Face. A file that a user
 * copies there, under the name that an error message of {@link #pull} gives, counts as pulled.
 *
 * <p>Thread-safe; any number of threads and processes may use a store at once.
 */
public final class ModelStore {

  private static final int HASH_BLOCK = 1 << 20;

  private final StoreLayout layout;
  private final Catalog catalog;
  private final Pull.Settings settings;

  ModelStore(Path directory, Catalog catalog, Pull.Settings settings) {
    this.layout = new StoreLayout(directory.toAbsolutePath().normalize());
    this.catalog = catalog;
    this.settings = settings;
  }

  /**
   * Opens the user's store with the settings of the environment: {@code VIDRIO_HOME} and {@code
   * XDG_CACHE_HOME} for the directory, {@code HF_ENDPOINT} for a mirror of Hugging Face, {@code
   * HF_TOKEN} for repositories that need an access token. The token is sent to huggingface.co only.
   *
   * @return the store; the directory is created by the first pull
   * @throws InvalidInputException if a setting is malformed
   */
  public static ModelStore open() {
    return builder().build();
  }

  /** {@return a builder initialized from the environment} */
  public static ModelStoreBuilder builder() {
    return new ModelStoreBuilder(System.getenv(), Path.of(System.getProperty("user.home", "")));
  }

  /** {@return the directory of the store, which the first pull creates} */
  public Path directory() {
    return layout.directory();
  }

  /**
   * Finds a model on this machine. Downloads nothing and does not read the file's content.
   *
   * <p>A repository is searched in the store only, among the models that have been pulled, in the
   * order that {@link #pull} prefers.
   *
   * @param reference the model
   * @return the file, or the first part of a split one; empty if it does not exist, its size or
   *     recorded SHA-256 differs from the catalog's, or the model is embedded
   * @throws ModelStoreException if the store cannot be read
   */
  public Optional<Path> find(ModelReference reference) {
    try {
      return switch (reference) {
        case ModelReference.LocalFile file -> Optional.of(file.path()).filter(Files::isRegularFile);
        case ModelReference.Named(CatalogEntry entry) when entry.isEmbedded() -> Optional.empty();
        case ModelReference.Named(CatalogEntry entry) ->
            find(layout.named(entry.name()), expected(entry));
        case ModelReference.HuggingFace(HuggingFaceSource source) ->
            find(layout.huggingFace(source), ExpectedFile.NOTHING);
        case ModelReference.HuggingFaceModel(HuggingFaceRepository repository) ->
            stored(repository).stream().findFirst().map(StoreLayout.Slot::model);
      };
    } catch (IOException e) {
      throw new ModelStoreException(reference.toString(), IoReason.of(e), "", e);
    }
  }

  /** Returns the parts of a repository's model that is in the store; none if none is. */
  private List<StoreLayout.Slot> stored(HuggingFaceRepository repository) throws IOException {
    GgufFiles files = new GgufFiles(layout.filesOf(repository)).withoutIncomplete();
    if (!files.has(repository.quant())) {
      return List.of();
    }
    return files.choose(repository.label(), repository.quant()).stream()
        .map(path -> layout.huggingFace(repository.file(path)))
        .toList();
  }

  private static ExpectedFile expected(CatalogEntry entry) {
    return new ExpectedFile(entry.bytes(), Optional.of(entry.sha256()));
  }

  private static Optional<Path> find(StoreLayout.Slot slot, ExpectedFile expected)
      throws IOException {
    if (!Files.isRegularFile(slot.model())) {
      return Optional.empty();
    }
    long bytes = Files.size(slot.model());
    if (expected.hasBytes() && bytes != expected.bytes()) {
      return Optional.empty();
    }
    String recorded = StoreRecord.read(slot.record(), bytes).map(StoreRecord::sha256).orElse("");
    boolean other =
        !recorded.isEmpty() && expected.sha256().filter(sha -> !sha.equals(recorded)).isPresent();
    return other ? Optional.empty() : Optional.of(slot.model());
  }

  /**
   * Lists the complete models of this store.
   *
   * @return the models, sorted by name
   * @throws ModelStoreException if the store cannot be read
   */
  public List<StoredModel> list() {
    List<StoredModel> models = new ArrayList<>();
    try {
      List<Path> files = new ArrayList<>(files(layout.directory(), 1));
      files.addAll(files(layout.huggingFaceDirectory(), Integer.MAX_VALUE));
      for (Path file : files) {
        Optional<String> name = layout.nameOf(file);
        if (name.isPresent()) {
          models.add(stored(name.get(), file));
        }
      }
    } catch (IOException e) {
      throw new ModelStoreException(
          layout.directory().toString(), "cannot be read: " + IoReason.of(e), "", e);
    }
    models.sort(Comparator.comparing(StoredModel::name));
    return List.copyOf(models);
  }

  private static List<Path> files(Path directory, int depth) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(directory, depth)) {
      return files.filter(Files::isRegularFile).toList();
    } catch (UncheckedIOException e) {
      throw Objects.requireNonNull(e.getCause());
    }
  }

  private static StoredModel stored(String name, Path path) throws IOException {
    long bytes = Files.size(path);
    Optional<StoreRecord> record = StoreRecord.read(StoreLayout.recordOf(path), bytes);
    return new StoredModel(
        name,
        path,
        record.map(StoreRecord::source).orElse(StoreRecord.BY_HAND),
        bytes,
        record.map(StoreRecord::sha256),
        record.isPresent() ? record.get().stored() : Files.getLastModifiedTime(path).toInstant());
  }

  /**
   * Downloads a model into the store and verifies its SHA-256. A model that is already there is not
   * downloaded again; remove it first to get a newer revision. A file that was copied there by hand
   * is verified and recorded.
   *
   * <p>An interrupted or failed pull keeps its partial download, and the next one resumes it. A
   * second pull of the same model, in this process or another, waits for the first.
   *
   * <p>A repository is listed first, to choose the model of its quantization; the parts of a split
   * file follow each other. Each is verified against the SHA-256 that the list declares.
   *
   * @param reference a catalog model, or a Hugging Face file or repository
   * @param progress receives the progress, on the calling thread
   * @return the model file, or the first part of a split one
   * @throws InvalidInputException if the reference is a path or an embedded model, or the
   *     repository has no model of the quantization
   * @throws ModelStoreException if all sources fail, the file does not match the catalog, or the
   *     store cannot be written; the message contains advice
   * @throws InterruptedException if the thread is interrupted
   */
  public Path pull(ModelReference reference, ProgressListener progress)
      throws InterruptedException {
    return switch (reference) {
      case ModelReference.LocalFile file ->
          throw new InvalidInputException(
              "model",
              file,
              "is a path; only names and Hugging Face models (hf:owner/repo) can be pulled");
      case ModelReference.Named(CatalogEntry entry) when entry.isEmbedded() ->
          throw new InvalidInputException(
              "model", entry.name(), "is embedded and need not be pulled");
      case ModelReference.Named(CatalogEntry entry) ->
          pull(
              entry.name(), layout.named(entry.name()), entry.sources(), expected(entry), progress);
      case ModelReference.HuggingFace(HuggingFaceSource source) ->
          pull(
              source.label(),
              layout.huggingFace(source),
              List.of(source),
              ExpectedFile.NOTHING,
              progress);
      case ModelReference.HuggingFaceModel(HuggingFaceRepository repository) ->
          pull(repository, progress);
    };
  }

  private Path pull(HuggingFaceRepository repository, ProgressListener progress)
      throws InterruptedException {
    Map<String, ExpectedFile> files = list(repository);
    List<Path> parts = new ArrayList<>();
    for (String path :
        new GgufFiles(List.copyOf(files.keySet())).choose(repository.label(), repository.quant())) {
      HuggingFaceSource source = repository.file(path);
      ExpectedFile expected = Objects.requireNonNull(files.get(path));
      parts.add(
          pull(source.label(), layout.huggingFace(source), List.of(source), expected, progress));
    }
    return parts.getFirst();
  }

  private Map<String, ExpectedFile> list(HuggingFaceRepository repository)
      throws InterruptedException {
    Map<String, ExpectedFile> files = new LinkedHashMap<>();
    try {
      new RepositoryListing(settings.http(), settings.endpoint())
          .list(repository.owner(), repository.repo(), repository.revision())
          .forEach(file -> files.put(file.path(), file.expected()));
      return files;
    } catch (SourceException e) {
      throw new ModelStoreException(
          repository.label(),
          "cannot list the repository: " + e.reason(),
          e.reachable() ? "" : "download a file from another network and pass its path with -m",
          e);
    }
  }

  private Path pull(
      String model,
      StoreLayout.Slot slot,
      List<ModelSource> sources,
      ExpectedFile expected,
      ProgressListener progress)
      throws InterruptedException {
    Runnable waiting = () -> progress.onProgress(WAITING, 0, ProgressListener.UNKNOWN);
    try {
      if (find(slot, expected).isPresent() && isRecorded(slot)) {
        return slot.model();
      }
      Files.createDirectories(slot.directory());
      try (StoreLock _ = StoreLock.acquire(slot.lock(), waiting)) {
        if (find(slot, expected).isPresent() && isVerified(slot, expected, progress)) {
          return slot.model();
        }
        return new Pull(settings, model, slot, sources, expected, progress).run();
      }
    } catch (ClosedByInterruptException e) {
      Thread.interrupted();
      throw new InterruptedException("the pull was interrupted");
    } catch (IOException e) {
      throw new ModelStoreException(
          model,
          "cannot use the store " + layout.directory() + ": " + IoReason.of(e),
          "set VIDRIO_HOME to another directory",
          e);
    }
  }

  private static boolean isRecorded(StoreLayout.Slot slot) throws IOException {
    return StoreRecord.read(slot.record(), Files.size(slot.model())).isPresent();
  }

  /**
   * Returns whether a model is recorded as verified; a file copied by hand is verified and recorded
   * now.
   */
  private static boolean isVerified(
      StoreLayout.Slot slot, ExpectedFile expected, ProgressListener progress) throws IOException {
    if (isRecorded(slot)) {
      return true;
    }
    long bytes = Files.size(slot.model());
    String actual = sha256(slot.model(), bytes, progress);
    if (expected.sha256().filter(sha -> !sha.equals(actual)).isPresent()) {
      return false;
    }
    new StoreRecord(StoreRecord.BY_HAND, bytes, actual, Instant.now()).write(slot.record());
    return true;
  }

  private static String sha256(Path path, long bytes, ProgressListener progress)
      throws IOException {
    MessageDigest digest = Sha256.newDigest();
    ByteBuffer block = ByteBuffer.allocateDirect(HASH_BLOCK);
    try (FileChannel channel = FileChannel.open(path)) {
      while (channel.read(block.clear()) > 0) {
        digest.update(block.flip());
        progress.onProgress(VERIFYING, channel.position(), bytes);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /**
   * Removes a model and its partial downloads.
   *
   * @param name the name as in {@link #list}; it need not be in the catalog any more
   * @return whether there was anything to remove
   * @throws InvalidInputException if the name is malformed or the model is embedded
   * @throws ModelStoreException if the model is being pulled or cannot be removed
   */
  public boolean remove(String name) {
    boolean any = false;
    for (StoreLayout.Slot slot : slots(name)) {
      any |= remove(name, slot);
    }
    return any;
  }

  private static boolean remove(String name, StoreLayout.Slot slot) {
    if (Stream.of(slot.model(), slot.part(), slot.scratch()).noneMatch(Files::exists)) {
      return false;
    }
    try {
      Optional<StoreLock> lock = StoreLock.tryAcquire(slot.lock());
      if (lock.isEmpty()) {
        throw new ModelStoreException(
            name, "is being pulled by another thread or process", "retry afterwards", null);
      }
      try (StoreLock _ = lock.get()) {
        boolean any = Files.deleteIfExists(slot.model());
        any |= Files.deleteIfExists(slot.part());
        Files.deleteIfExists(slot.record());
        Files.deleteIfExists(slot.validator());
        FileTree.delete(slot.scratch());
        return any;
      }
    } catch (IOException e) {
      throw new ModelStoreException(name, "cannot be removed: " + IoReason.of(e), "", e);
    }
  }

  /** Returns the slots of a model: those of its parts if it is a split one of a repository. */
  private List<StoreLayout.Slot> slots(String name) {
    Optional<ShortName> shortName = catalog.findShortName(name);
    if (shortName.isPresent()) {
      return storedSlots(shortName.get().repository());
    }
    if (name.startsWith(ModelReference.HUGGING_FACE_PREFIX)) {
      switch (ModelReference.parse(name, catalog)) {
        case ModelReference.HuggingFace(HuggingFaceSource source) -> {
          return List.of(layout.huggingFace(source));
        }
        case ModelReference.HuggingFaceModel(HuggingFaceRepository repository) -> {
          return storedSlots(repository);
        }
        default -> {}
      }
    }
    if (!CatalogEntry.isName(name)) {
      throw new InvalidInputException(
          "model", name, "must be a name or a Hugging Face model (hf:owner/repo)");
    }
    if (catalog.find(name).filter(CatalogEntry::isEmbedded).isPresent()) {
      throw new InvalidInputException("model", name, "is embedded and cannot be removed");
    }
    return List.of(layout.named(name));
  }

  private List<StoreLayout.Slot> storedSlots(HuggingFaceRepository repository) {
    try {
      return stored(repository);
    } catch (IOException e) {
      throw new ModelStoreException(repository.label(), IoReason.of(e), "", e);
    }
  }
}
