package dev.vidrio.server.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.metrics.ModelMetrics;
import dev.vidrio.server.metrics.RequestMetrics;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The models of a server. Each is loaded with its adapters on first use, once for concurrent
 * requests, and unloaded after it has been idle for the keep-alive time, or if the loaded models
 * need more memory than they may. Thread-safe.
 */
public final class ModelRegistry implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("dev.vidrio.server");
  private static final Duration RETRY = Duration.ofSeconds(5);

  /** Slots by the names of models and adapters; those of a model and its adapters share a slot. */
  private final Map<String, Slot> slots = new LinkedHashMap<>();

  private final Duration loadTime;
  private final @Nullable Duration keepAlive;
  private final long maxBytes;
  private final @Nullable Thread unloader;
  private final Instant created = Instant.now();
  private volatile boolean closed;

  /** The state of a model. */
  private static final class Slot {
    final ModelDefinition offer;
    final ModelMetrics metrics;

    /** Held while a model is unloaded; acquired before the slot's own lock. */
    final Object unloading = new Object();

    @Nullable CompletableFuture<ServedModel> loading;
    int users;
    long idleSince;

    Slot(ModelDefinition offer, ModelMetrics metrics) {
      this.offer = offer;
      this.metrics = metrics;
    }
  }

  /**
   * Keeps a model loaded until it is closed.
   *
   * @param model the model
   * @param adaptation the requested adapter; null if the base model was requested
   * @param release gives the model back; further calls have no effect
   */
  public record Lease(ServedModel model, @Nullable Adaptation adaptation, Runnable release)
      implements AutoCloseable {
    @Override
    public void close() {
      release.run();
    }
  }

  /**
   * Creates a registry; no model is loaded yet.
   *
   * @param loadTime how long a request waits for its model to load
   * @param keepAlive how long an idle model stays in memory; null for no limit
   * @param maxBytes bytes of loaded models beyond which idle ones are unloaded; 0 for no limit
   */
  public ModelRegistry(
      List<ModelDefinition> offers,
      Duration loadTime,
      @Nullable Duration keepAlive,
      long maxBytes,
      RequestMetrics metrics) {
    this.loadTime = loadTime;
    this.keepAlive = keepAlive;
    this.maxBytes = maxBytes;
    if (offers.isEmpty()) {
      throw new InvalidInputException("models", "", "needs at least one");
    }
    requireDifferentNames(offers); // before the metrics of models are registered
    for (ModelDefinition offer : offers) {
      var slot = new Slot(offer, metrics.of(offer.id(), offer.adapters()));
      names(offer).forEach(name -> slots.put(name, slot));
    }
    this.unloader =
        keepAlive == null
            ? null
            : Thread.ofPlatform().daemon().name("vidrio-unload").start(this::unloadIdle);
  }

  private static void requireDifferentNames(List<ModelDefinition> offers) {
    Set<String> names = new HashSet<>();
    for (String name : offers.stream().flatMap(ModelRegistry::names).toList()) {
      if (!names.add(name)) {
        throw new InvalidInputException("model", name, "duplicate name");
      }
    }
  }

  private static Stream<String> names(ModelDefinition offer) {
    return Stream.concat(Stream.of(offer.id()), offer.adapters().stream());
  }

  /** Returns the base model of an adapter; empty for a model. */
  public Optional<String> parent(String id) {
    return Optional.of(slot(id).offer.id()).filter(model -> !model.equals(id));
  }

  /**
   * Rejects the name of an adapter.
   *
   * @param feature the feature that does not support adapters, for the error
   */
  public void rejectAdapter(String id, String feature) {
    parent(id)
        .ifPresent(
            parent -> {
              throw ApiException.unsupported(
                  "model",
                  "'" + id + "'",
                  "%s does not support adapters; use '%s'".formatted(feature, parent));
            });
  }

  /**
   * Reads a request's body. If a single model is served and the request names none, the name of
   * that model is filled in; its adapters are only used by name.
   *
   * @throws ApiException 400 if no model is named and several are served
   */
  public JsonFields fields(Exchange exchange) throws IOException {
    JsonFields fields = exchange.fields();
    if (!fields.isPresent("model")) {
      List<String> models =
          slots.values().stream().map(slot -> slot.offer.id()).distinct().toList();
      if (models.size() > 1) {
        throw ApiException.missing("model", "available: " + String.join(", ", slots.keySet()));
      }
      fields.setDefault("model", models.getFirst());
    }
    return fields;
  }

  /** Returns all names, those of adapters after their model's. */
  public List<String> ids() {
    return List.copyOf(slots.keySet());
  }

  /** Returns the creation time of the registry. */
  public Instant created() {
    return created;
  }

  /** Returns a model if it is loaded. */
  public Optional<ServedModel> loaded(String id) {
    return loaded(slot(id));
  }

  private static Optional<ServedModel> loaded(Slot slot) {
    synchronized (slot) {
      CompletableFuture<ServedModel> loading = slot.loading;
      return loading == null || !loading.isDone() || loading.isCompletedExceptionally()
          ? Optional.empty()
          : Optional.of(loading.join());
    }
  }

  /** Returns when a loaded model will be unloaded if it is not used; empty for never. */
  public Optional<Instant> expiry(String id) {
    Duration time = keepAlive;
    if (time == null) {
      return Optional.empty();
    }
    Slot slot = slot(id);
    synchronized (slot) {
      long idle = slot.users > 0 ? 0 : System.nanoTime() - slot.idleSince;
      return Optional.of(Instant.now().plus(time).minusNanos(idle));
    }
  }

  private Slot slot(String id) {
    Slot slot = slots.get(id);
    if (slot == null) {
      throw ApiException.modelNotFound(id, String.join(", ", slots.keySet()));
    }
    return slot;
  }

  /**
   * Loads a model and waits for it.
   *
   * @throws RuntimeException if its loader throws one
   * @throws Error if its loader throws one, such as {@link OutOfMemoryError}
   */
  public void preload(String id) {
    Slot slot = slot(id);
    CompletableFuture<ServedModel> loading = enter(slot);
    try {
      var _ = loading.join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw e;
      }
    } finally {
      release(slot);
    }
  }

  /**
   * Acquires a model for a request, and loads it if necessary.
   *
   * @throws ApiException 404 for an unknown name, 500 if the model cannot be loaded, 503 if loading
   *     takes too long or the registry is closed
   */
  public Lease acquire(String id) {
    Slot slot = slot(id);
    CompletableFuture<ServedModel> loading = enter(slot);
    try {
      ServedModel model = loading.get(loadTime.toMillis(), TimeUnit.MILLISECONDS);
      var open = new AtomicBoolean(true);
      return new Lease(model, model.adaptation(id), () -> releaseOnce(slot, open));
    } catch (ExecutionException e) {
      release(slot);
      LOG.log(System.Logger.Level.ERROR, "model '" + id + "' cannot be loaded", e.getCause());
      throw ApiException.internal("model '" + id + "': cannot be loaded; see the server's log");
    } catch (TimeoutException e) {
      release(slot);
      throw ApiException.unavailable("model '" + id + "': still loading", RETRY);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      release(slot);
      throw ApiException.unavailable("the server is shutting down", RETRY);
    }
  }

  /** Counts a user, and starts loading unless it has been started. */
  private CompletableFuture<ServedModel> enter(Slot slot) {
    synchronized (slot) {
      if (closed) {
        throw ApiException.unavailable("the server is shutting down", RETRY);
      }
      CompletableFuture<ServedModel> loading = slot.loading;
      if (loading == null) {
        loading = new CompletableFuture<>();
        load(slot, loading);
        slot.loading = loading;
      }
      slot.users++;
      return loading;
    }
  }

  /** Loads on a platform thread, since long native calls would block a carrier thread. */
  private void load(Slot slot, CompletableFuture<ServedModel> loading) {
    var _ =
        Thread.ofPlatform()
            .daemon()
            .name("vidrio-load")
            .start(
                () -> {
                  try {
                    loading.complete(slot.offer.loader().apply(slot.metrics));
                  } catch (RuntimeException | Error e) {
                    synchronized (slot) {
                      slot.loading = null;
                    }
                    loading.completeExceptionally(e);
                    return;
                  }
                  makeRoom(slot);
                });
  }

  /** Releases a slot on the first call for a lease. */
  private static void releaseOnce(Slot slot, AtomicBoolean open) {
    if (open.getAndSet(false)) {
      release(slot);
    }
  }

  private static void release(Slot slot) {
    synchronized (slot) {
      slot.users--;
      slot.idleSince = System.nanoTime();
    }
  }

  private void unloadIdle() {
    long limit = keepAlive == null ? Long.MAX_VALUE : TimeUnit.NANOSECONDS.convert(keepAlive);
    try {
      while (true) {
        Thread.sleep(Math.clamp(limit / 4_000_000, 1, 1000));
        for (Slot slot : slots.values()) {
          unload(slot, limit);
        }
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  /**
   * Unloads idle models, the least recently used first, until the loaded ones fit the limit.
   *
   * @param loaded the slot of a model that has just been loaded, and stays
   */
  private synchronized void makeRoom(Slot loaded) {
    long now = System.nanoTime();
    Map<Slot, Long> others = new HashMap<>();
    for (Slot slot : slots.values()) {
      synchronized (slot) {
        others.put(slot, slot.idleSince - now);
      }
    }
    others.remove(loaded);
    others.entrySet().stream()
        .sorted(Map.Entry.comparingByValue())
        .takeWhile(oldest -> maxBytes > 0 && bytes() > maxBytes)
        .forEach(oldest -> unload(oldest.getKey(), 0));
  }

  /** Returns the bytes of the loaded models. */
  private long bytes() {
    return slots.values().stream()
        .distinct()
        .flatMap(slot -> loaded(slot).stream())
        .mapToLong(ServedModel::bytes)
        .sum();
  }

  /** Unloads a model that has been idle for at least {@code limit} nanoseconds. */
  private static void unload(Slot slot, long limit) {
    synchronized (slot.unloading) {
      ServedModel idle = removeIdle(slot, limit);
      if (idle != null) {
        String id = slot.offer.id();
        try {
          idle.close();
          LOG.log(System.Logger.Level.INFO, "unloaded idle model ''{0}''", id);
        } catch (RuntimeException e) {
          LOG.log(System.Logger.Level.ERROR, "model '" + id + "' was not unloaded cleanly", e);
        }
      }
    }
  }

  private static @Nullable ServedModel removeIdle(Slot slot, long limit) {
    synchronized (slot) {
      CompletableFuture<ServedModel> loading = slot.loading;
      if (slot.users > 0
          || loading == null
          || !loading.isDone()
          || System.nanoTime() - slot.idleSince < limit) {
        return null;
      }
      slot.loading = null;
      return loading.join();
    }
  }

  /**
   * Unloads all models and cancels their running requests. No model can be loaded afterwards. Waits
   * for models that another thread unloads.
   */
  @Override
  public void close() {
    closed = true;
    if (unloader != null) {
      unloader.interrupt();
    }
    for (Slot slot : slots.values()) {
      synchronized (slot.unloading) {
        CompletableFuture<ServedModel> loading;
        synchronized (slot) {
          loading = slot.loading;
          slot.loading = null;
        }
        if (loading != null) {
          loading.handle((model, failure) -> model).thenAccept(ModelRegistry::closeLoaded).join();
        }
      }
    }
  }

  private static void closeLoaded(@Nullable ServedModel model) {
    if (model != null) {
      model.close();
    }
  }
}
