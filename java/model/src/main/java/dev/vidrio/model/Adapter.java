package dev.vidrio.model;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.model.huggingface.HuggingFaceAdapter;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A low-rank adapter (LoRA: Hu et al. 2021, arXiv 2106.09685) loaded for a model. Each sequence of
 * a session may use a different one, or none:
 *
 * {@snippet file="GenerationExamples.java" region="adapter"}
 *
 * <p>After closing, no new sequence can use it, and its memory is freed once the last one has let
 * go. Threads and sessions may share an adapter. Closing the model closes adapters that are still
 * open.
 */
public final class Adapter implements AutoCloseable {
  private final Model model;
  private final String name;
  private final Arena arena = Arena.ofShared();
  private final Map<String, LowRank> updates;
  private final Consumer<Adapter> onClose;
  private int users;
  private boolean closed;

  private Adapter(Model model, Path file, Consumer<Adapter> onClose) {
    this.model = model;
    this.name = file.toString();
    this.onClose = onClose;
    try (Arena mapping = Arena.ofShared()) {
      Gguf gguf =
          Files.isDirectory(file)
              ? HuggingFaceAdapter.open(file, model.gguf(), mapping).toGguf(mapping)
              : Gguf.open(file, mapping);
      this.updates = new AdapterReader(gguf, model, arena).read();
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /**
   * Opens an adapter of a model: a GGUF file of llama.cpp's {@code convert_lora_to_gguf}, or a
   * directory of PEFT with {@code adapter_config.json} and {@code adapter_model.safetensors}.
   *
   * @throws ModelFileException when the file is missing, damaged, contradicts itself or is for
   *     another model
   * @throws UnsupportedModelException when it changes what this version adapts not, such as
   *     embeddings
   */
  public static Adapter open(Model model, Path file) {
    return model.register(onClose -> new Adapter(model, file, onClose));
  }

  /** The file's name as it was given. */
  public String name() {
    return name;
  }

  /** The model that it is for. */
  public Model model() {
    return model;
  }

  /** The matrices of the model's plan whose products it changes. */
  public Set<String> matrices() {
    return updates.keySet();
  }

  /** The greatest rank of its factors. */
  public int rank() {
    return updates.values().stream().mapToInt(LowRank::rank).max().orElse(0);
  }

  /** Bytes of its factors in memory. */
  public long bytes() {
    return updates.values().stream()
        .mapToLong(update -> update.a().data().byteSize() + update.b().byteSize())
        .sum();
  }

  /** What it adds to a matrix, or null. */
  @Nullable LowRank update(String matrix) {
    return updates.get(matrix);
  }

  /**
   * Keeps its memory until {@link #release}.
   *
   * @throws IllegalStateException when it is closed
   */
  synchronized void retain() {
    if (closed) {
      throw new IllegalStateException("the adapter " + name + " is closed");
    }
    users++;
  }

  synchronized void release() {
    users--;
    freeUnused();
  }

  private void freeUnused() {
    if (closed && users == 0) {
      arena.close();
    }
  }

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
