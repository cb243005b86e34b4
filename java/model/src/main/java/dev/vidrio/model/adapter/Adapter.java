package dev.vidrio.model.adapter;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.MappedFile;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.kernel.host.Sha256;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.model.huggingface.HuggingFaceAdapter;
import dev.vidrio.model.load.LoadedModel;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A low-rank adapter (LoRA: Hu et al. 2021, arXiv 2106.09685) loaded for a model: it adds {@code s
 * · B A x} to the product {@code W x} of some matrices W [N, K], with A [r, K] and B [N, r]. Each
 * sequence of a session may use a different adapter, or none:
 *
 * {@snippet file="GenerationExamples.java" region="adapter"}
 *
 * <p>After {@link #close}, no new sequence can use the adapter; its memory is freed when the last
 * sequence releases it. Closing the model closes its adapters. Thread-safe; sessions may share an
 * adapter (see docs/adr/017-adapters.md).
 */
public final class Adapter implements AutoCloseable {
  private final LoadedModel model;
  private final String name;
  private final Arena arena = Arena.ofShared();
  private final Map<String, LowRank> updates;
  private final Consumer<Adapter> onClose;
  private @Nullable String sha256;
  private int users;
  private boolean closed;

  private Adapter(LoadedModel model, Path file, Consumer<Adapter> onClose) {
    this.model = model;
    this.name = file.toString();
    this.onClose = onClose;
    try {
      this.updates = MappedFile.read(name, () -> read(file));
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  private Map<String, LowRank> read(Path file) {
    try (Arena mapping = Arena.ofShared()) {
      Gguf gguf =
          FileStatus.isDirectory(file)
              ? HuggingFaceAdapter.open(file, model.gguf(), mapping)
              : Gguf.open(file, mapping);
      return new AdapterReader(gguf, model, arena).read();
    }
  }

  /**
   * Opens an adapter, which is closed with the model. Applications call {@code Model.openAdapter}.
   *
   * @param file a GGUF file or a PEFT directory
   * @throws ModelFileException if the file is missing, damaged, inconsistent or made for another
   *     model
   * @throws UnsupportedModelException if it changes weights that adapters cannot change here, such
   *     as embeddings
   */
  public static Adapter open(LoadedModel model, Path file) {
    return model.register(onClose -> new Adapter(model, file, onClose), Adapter::close);
  }

  /** Returns the file's name as the caller gave it. */
  public String name() {
    return name;
  }

  /** Returns the model that the adapter was opened for. */
  public LoadedModel model() {
    return model;
  }

  /** Returns the names of the matrices in the model's plan that the adapter updates. */
  public Set<String> matrices() {
    return updates.keySet();
  }

  /** Returns the maximum rank of its factors. */
  public int rank() {
    return updates.values().stream().mapToInt(LowRank::rank).max().orElse(0);
  }

  /** Returns the size of its factors in memory, in bytes. */
  public long bytes() {
    return updates.values().stream()
        .mapToLong(update -> update.a().data().byteSize() + update.b().byteSize())
        .sum();
  }

  /** Returns a SHA-256 of its factors and scales, in hexadecimal digits. */
  public synchronized String sha256() {
    if (sha256 == null) {
      requireOpen();
      sha256 = HexFormat.of().formatHex(digest());
    }
    return sha256;
  }

  private byte[] digest() {
    MessageDigest digest = Sha256.newDigest();
    new TreeMap<>(updates)
        .forEach(
            (matrix, update) -> {
              String head =
                  "%s %s %s %s %s\0"
                      .formatted(
                          matrix,
                          update.n(),
                          update.k(),
                          update.rank(),
                          Float.toHexString(update.scale()));
              digest.update(head.getBytes(StandardCharsets.UTF_8));
              digest.update(update.a().data().asByteBuffer());
              digest.update(update.b().asByteBuffer());
            });
    return digest.digest();
  }

  private void requireOpen() {
    if (closed && users == 0) {
      throw new IllegalStateException("the adapter " + name + " is closed");
    }
  }

  /** Returns the update of a matrix, or null. */
  @Nullable LowRank update(String matrix) {
    return updates.get(matrix);
  }

  /**
   * Keeps the memory until {@link #release}.
   *
   * @throws IllegalStateException if the adapter is closed
   */
  synchronized void retain() {
    if (closed) {
      throw new IllegalStateException("the adapter " + name + " is closed");
    }
    users++;
  }

  /** Ends one use; the last one of a closed adapter frees the memory. */
  synchronized void release() {
    users--;
    freeUnused();
  }

  private void freeUnused() {
    if (closed && users == 0) {
      arena.close();
    }
  }

  /** Closes the adapter for new sequences. */
  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      freeUnused();
    }
    onClose.accept(this);
  }
}
