package dev.vidrio.engine;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.evaluation.TextEncoder;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * Embeds texts for any number of threads. The calls that wait run together on a dedicated thread,
 * since a virtual thread in native code would pin its carrier: texts of different calls and lengths
 * share steps, without padding. A text's vector does not depend on the others, bit for bit. The
 * model belongs to the caller and may serve an {@link Engine} at the same time; their steps
 * alternate. Thread-safe.
 */
public final class EmbeddingEngine implements AutoCloseable {
  private final Model model;
  private final Pooling pooling;
  private final boolean normalize;
  private final Queue<Call> waiting = new ConcurrentLinkedQueue<>();
  private final @Nullable TextEncoder encoder;
  private final WorkThread thread;

  /** The texts of a call, and the future of their vectors. */
  private record Call(List<int[]> texts, CompletableFuture<List<float[]>> vectors) {}

  /** Starts the thread, with the pooling and normalization that the model file names. */
  public EmbeddingEngine(Model model) {
    this(model, Embeddings.pooling(model), Embeddings.normalizes(model));
  }

  /**
   * Starts the thread.
   *
   * @param pooling how the vectors of the tokens are combined
   * @param normalize if true, vectors are divided by their Euclidean length
   */
  public EmbeddingEngine(Model model, Pooling pooling, boolean normalize) {
    this.model = model;
    this.thread = new WorkThread("vidrio-embeddings", model.name());
    this.pooling = pooling;
    this.normalize = normalize;
    this.encoder =
        model.architecture().isEncoder() ? new TextEncoder(model, SessionOptions.DEFAULT) : null;
  }

  /**
   * Embeddings of texts.
   *
   * @param vectors one vector [d] for each text
   * @param tokens the total number of tokens
   */
  public record Result(List<float[]> vectors, int tokens) {}

  /** Returns the model. */
  public Model model() {
    return model;
  }

  /** Returns the length d of a vector. */
  public int dimension() {
    return Embeddings.width(model);
  }

  /** Returns whether vectors have length 1. */
  public boolean isNormalizing() {
    return normalize;
  }

  /**
   * Embeds texts.
   *
   * @throws InvalidInputException if a text has no tokens or exceeds the model's context length
   * @throws EngineException.Closed if this engine is closed
   * @throws CancellationException if the calling thread is interrupted
   */
  public Result embed(List<String> texts) {
    List<int[]> tokens = texts.stream().map(text -> model.tokenizer().encode(text)).toList();
    // Before texts of several calls are combined.
    Embeddings.requireLengths(model, tokens);
    var vectors = new CompletableFuture<List<float[]>>();
    waiting.add(new Call(tokens, vectors));
    thread.execute(this::run);
    return new Result(
        WorkThread.await(vectors, "embeddings"), tokens.stream().mapToInt(ids -> ids.length).sum());
  }

  /** Answers all calls that are waiting. */
  private void run() {
    List<Call> calls = new ArrayList<>();
    for (Call call = waiting.poll(); call != null; call = waiting.poll()) {
      if (!call.vectors.isDone()) {
        calls.add(call);
      }
    }
    if (calls.isEmpty()) {
      return;
    }
    try {
      List<int[]> texts = calls.stream().flatMap(call -> call.texts.stream()).toList();
      List<float[]> vectors = vectors(texts);
      int next = 0;
      for (Call call : calls) {
        int end = next + call.texts.size();
        call.vectors.complete(List.copyOf(vectors.subList(next, end)));
        next = end;
      }
    } catch (Throwable e) {
      calls.forEach(call -> call.vectors.completeExceptionally(e));
    }
  }

  private List<float[]> vectors(List<int[]> texts) {
    return encoder == null
        ? Embeddings.of(model, texts, pooling, normalize, fraction -> {})
        : Embeddings.of(encoder, model, texts, pooling, normalize, fraction -> {});
  }

  /** Ends the thread, after the calls that are waiting have been answered. */
  @Override
  public void close() {
    thread.close(encoder == null ? () -> {} : encoder::close);
  }
}
