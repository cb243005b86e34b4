package dev.vidrio.model.load;

import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.MappedFile;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.grammar.ConstraintCache;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.architecture.LoadListener;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.block.DraftSource;
import dev.vidrio.model.block.ModelVariant;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The parts of an open model: the parsed file, the weights in memory, the tokenizer and the
 * executor. Sessions, adapters and generators share them; applications use {@code
 * dev.vidrio.model.Model}.
 *
 * <p>Owns the memory of the weights and whatever was {@linkplain #register registered} with it.
 * After {@link #close}, every use throws {@link IllegalStateException}. Thread-safe.
 */
public final class LoadedModel implements AutoCloseable {
  /** Number of recently used grammars that stay compiled. */
  private static final int CACHED_GRAMMARS = 32;

  private final Gguf gguf;
  private final Tokenizer tokenizer;
  private final Architecture architecture;
  private final Executor executor;
  private final ConstraintCache constraints;
  private final Optional<Gguf> draftHead;
  private final Arena arena;
  private final Map<Object, Runnable> resources = new ConcurrentHashMap<>();
  private final Map<Class<?>, Object> cached = new ConcurrentHashMap<>();
  private final Optional<Path> file;
  private final Instant opened = Instant.now();

  /** Held for reading while a resource is opened, so that {@link #close} closes it. */
  private final ReentrantReadWriteLock opening = new ReentrantReadWriteLock();

  private volatile boolean closed;

  /**
   * Loads a model.
   *
   * @param source reads the file of a name into memory of an arena
   * @param file the file or directory; empty if the model is read from a stream
   * @param executor creates the executor, which this model closes
   * @param progress receives loading progress, on the calling thread
   * @param repacking when quantized matrices are packed into new memory
   * @param draftBlock true to read the model's block for multi-token prediction
   * @param head file of an EAGLE-3 head, or null
   * @param latentCache true if latent attention caches latent vectors
   * @throws ModelException if the file cannot be read, is damaged or is not supported
   */
  public LoadedModel(
      BiFunction<String, Arena, Gguf> source,
      String name,
      Optional<Path> file,
      Supplier<Executor> executor,
      LoadListener progress,
      Repacking repacking,
      boolean draftBlock,
      @Nullable Path head,
      boolean latentCache) {
    this.file = file;
    this.arena = Arena.ofShared();
    Executor started = null;
    try {
      Gguf parsed = source.apply(name, arena);
      this.gguf = parsed;
      this.draftHead = Optional.ofNullable(head).map(path -> Gguf.open(path, arena));
      started = executor.get();
      this.executor = started;
      // The vocabulary is read by one thread; the other processors pack weights meanwhile.
      CompletableFuture<Tokenizer> reading =
          CompletableFuture.supplyAsync(
              () -> Tokenizers.fromGguf(parsed.metadata(), embeddingRows(parsed)),
              Thread.ofPlatform().daemon()::start);
      try {
        DraftSource drafts = drafts(draftBlock, started, repacking);
        var variant = new ModelVariant(drafts, latentCache);
        this.architecture = Catalog.load(parsed, started, arena, progress, repacking, variant);
      } finally {
        this.tokenizer = result(reading);
      }
      this.constraints = new ConstraintCache(tokenizer, CACHED_GRAMMARS);
      requireVocabulary();
    } catch (Throwable e) {
      if (started != null) {
        started.close();
      }
      arena.close();
      Optional<ModelFileException> truncation = MappedFile.truncation(name, e);
      if (truncation.isPresent()) {
        throw truncation.get();
      }
      throw e;
    }
  }

  private DraftSource drafts(boolean ownBlock, Executor started, Repacking repacking) {
    return draftHead
        .map(head -> Catalog.draftHead(head, started, arena, repacking))
        .orElse(ownBlock ? DraftSource.OWN_BLOCK : DraftSource.NONE);
  }

  /** Waits for a future and rethrows its exception unwrapped. */
  private static <T> T result(CompletableFuture<T> future) {
    try {
      return future.join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw e;
      }
    }
  }

  /**
   * Returns the rows of the embedding matrix, or 0 if it is missing, which architectures reject.
   */
  private static long embeddingRows(Gguf gguf) {
    return gguf.findTensor("token_embd.weight").map(tensor -> tensor.dim(1)).orElse(0L);
  }

  /** Rejects a list of tokens, padding included, that is longer or shorter than the embedding. */
  private void requireVocabulary() {
    if (gguf.metadata().entries().get("tokenizer.ggml.tokens") instanceof GgufValue.Array tokens
        && tokens.length() != architecture.vocabulary()) {
      throw new ModelFileException(
          gguf.name(),
          "key 'tokenizer.ggml.tokens' length",
          Integer.toString(tokens.length()),
          "must be the " + architecture.vocabulary() + " rows of token_embd.weight");
    }
  }

  /** Returns the file's name as the caller gave it. */
  public String name() {
    return gguf.name();
  }

  /** Returns the file or directory that was opened; empty if the model was read from a stream. */
  public Optional<Path> file() {
    return file;
  }

  /** Returns a time before the model's file was opened. */
  public Instant opened() {
    return opened;
  }

  /** Returns the parsed model file. */
  public Gguf gguf() {
    return gguf;
  }

  /** Returns the parsed file of the EAGLE-3 head, if the model was opened with one. */
  public Optional<Gguf> draftHead() {
    return draftHead;
  }

  /** Returns the tokenizer. */
  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /** Returns the plan and the dimensions. */
  public Architecture architecture() {
    return architecture;
  }

  /** Returns the executor that runs the plan. */
  public Executor executor() {
    return executor;
  }

  /** Returns the cache of grammars compiled for the tokenizer. */
  public ConstraintCache constraints() {
    return constraints;
  }

  /**
   * Opens a resource that uses the memory of this model. It is closed with the model unless it was
   * closed before.
   *
   * @param opener creates the resource; it receives a callback that the resource calls once when it
   *     is closed
   * @param close closes the resource
   * @throws IllegalStateException if the model is closed
   */
  public <T> T register(Function<Consumer<T>, T> opener, Consumer<T> close) {
    opening.readLock().lock();
    try {
      requireOpen();
      T resource = opener.apply(resources::remove);
      resources.put(resource, () -> close.accept(resource));
      return resource;
    } finally {
      opening.readLock().unlock();
    }
  }

  /**
   * Returns a value that is computed once per model, by its class.
   *
   * @param factory computes the value; it receives an arena that closes with the model
   * @throws IllegalStateException if the model is closed
   */
  public <T> T cached(Class<T> type, Function<Arena, T> factory) {
    requireOpen();
    return type.cast(cached.computeIfAbsent(type, ignored -> factory.apply(arena)));
  }

  /**
   * Checks that the model computes logits.
   *
   * @throws UnsupportedModelException if it is an encoder
   */
  public void requireDecoder() {
    if (architecture.isEncoder()) {
      throw new UnsupportedModelException(
          name(),
          "architecture " + architecture.name() + " without logits",
          "it is an encoder, which embeds or classifies texts");
    }
  }

  /** Returns whether the model is closed or being closed. */
  public boolean isClosed() {
    return closed;
  }

  /**
   * Checks that the model is open.
   *
   * @throws IllegalStateException if it is closed
   */
  public void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the model " + name() + " is closed");
    }
  }

  /**
   * Closes registered resources and the executor, and frees all memory. Waits for a running step
   * and for resources that are being opened.
   */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true; // first, so that steps that fail from now on report a closed model
      opening.writeLock().lock();
      try {
        resources.values().forEach(Runnable::run);
        executor.close();
        arena.close();
      } finally {
        opening.writeLock().unlock();
      }
    }
  }
}
