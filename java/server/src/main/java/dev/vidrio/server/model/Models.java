package dev.vidrio.server.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Adaptation;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.metrics.ModelMetrics;
import dev.vidrio.server.metrics.RequestMetrics;
import java.time.Duration;
import java.time.Instant;
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
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The models of a server: each is loaded with its adapters when one of them is first asked for,
 * once however many ask, and unloaded after nobody has used them for a while.
 */
public final class Models implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger("dev.vidrio.server");
  private static final Duration RETRY = Duration.ofSeconds(5);

  /** By all names: those of a model and of its adapters lead to the same. */
  private final Map<String, Slot> slots = new LinkedHashMap<>();

  private final Duration loadTime;
  private final @Nullable Duration keepAlive;
  private final @Nullable Thread reaper;
  private final Instant created = Instant.now();
  private volatile boolean closed;

  /** What there is of one model. */
  private static final class Slot {
    final ModelOffer offer;
    final ModelMetrics metrics;
    @Nullable CompletableFuture<ServedModel> loading;
    int users;
    long idleSince;

    Slot(ModelOffer offer, ModelMetrics metrics) {
      this.offer = offer;
      this.metrics = metrics;
    }
  }

  /** A model that is not unloaded before this is closed. */
  public static final class Use implements AutoCloseable {
    private final String id;
    private final Slot slot;
    private final ServedModel model;
    private boolean closed;

    private Use(String id, Slot slot, ServedModel model) {
      this.id = id;
      this.slot = slot;
      this.model = model;
    }

    public ServedModel model() {
      return model;
    }

    /** The adapter that was asked for; null where the model was. */
    public @Nullable Adaptation adaptation() {
      return model.adaptation(id);
    }

    @Override
    public void close() {
      if (!closed) {
        closed = true;
        release(slot);
      }
    }
  }

  /**
   * Models of which none is loaded yet.
   *
   * @param loadTime how long a request waits for its model
   * @param keepAlive how long a model stays in memory that nobody uses; null for ever
   */
  public Models(
      List<ModelOffer> offers,
      Duration loadTime,
      @Nullable Duration keepAlive,
      RequestMetrics metrics) {
    this.loadTime = loadTime;
    this.keepAlive = keepAlive;
    if (offers.isEmpty()) {
      throw new InvalidInputException("models", "", "a server needs at least one");
    }
    requireDifferentNames(offers);
    for (ModelOffer offer : offers) {
      var slot = new Slot(offer, metrics.of(offer.id(), offer.adapters()));
      slots.put(offer.id(), slot);
      offer.adapters().forEach(adapter -> slots.put(adapter, slot));
    }
    this.reaper =
        keepAlive == null
            ? null
            : Thread.ofPlatform().daemon().name("vidrio-unload").start(this::unloadIdle);
  }

  private static void requireDifferentNames(List<ModelOffer> offers) {
    Set<String> names = new HashSet<>();
    for (ModelOffer offer : offers) {
      Stream.concat(Stream.of(offer.id()), offer.adapters().stream())
          .filter(name -> !names.add(name))
          .findFirst()
          .ifPresent(
              name -> {
                throw new InvalidInputException("model", name, "two models have this name");
              });
    }
  }

  /** The model that an adapter is of; empty for the name of a model. */
  public Optional<String> parent(String id) {
    String model = slot(id).offer.id();
    return model.equals(id) ? Optional.empty() : Optional.of(model);
  }

  /**
   * Refuses the name of an adapter.
   *
   * @param what what is done with models without one
   */
  public void requireNoAdapter(String id, String what) {
    parent(id)
        .ifPresent(
            parent -> {
              throw ApiException.unsupported(
                  "model",
                  "model '"
                      + id
                      + "': is an adapter; "
                      + what
                      + " models without, as '"
                      + parent
                      + "'");
            });
  }

  /** All names, those of adapters behind their model's. */
  public List<String> ids() {
    return List.copyOf(slots.keySet());
  }

  /** When the server began to offer them. */
  public Instant created() {
    return created;
  }

  /** A model that is in memory; empty where it is not. */
  public Optional<ServedModel> loaded(String id) {
    Slot slot = slot(id);
    synchronized (slot) {
      CompletableFuture<ServedModel> loading = slot.loading;
      return loading == null || !loading.isDone() || loading.isCompletedExceptionally()
          ? Optional.empty()
          : Optional.of(loading.join());
    }
  }

  private Slot slot(String id) {
    Slot slot = slots.get(id);
    if (slot == null) {
      throw ApiException.noModel(id, String.join(", ", slots.keySet()));
    }
    return slot;
  }

  /**
   * Loads a model that nobody has asked for yet.
   *
   * @throws RuntimeException as its loader does
   * @throws Error as its loader does, such as {@link OutOfMemoryError}
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
   * A model for one request; loads it where need be, and waits for that.
   *
   * @throws ApiException 404 for a name that is not served, 503 while it loads for too long and
   *     when this is closed, 500 when it cannot be loaded
   */
  public Use use(String id) {
    Slot slot = slot(id);
    CompletableFuture<ServedModel> loading = enter(slot);
    try {
      return new Use(id, slot, loading.get(loadTime.toMillis(), TimeUnit.MILLISECONDS));
    } catch (ExecutionException e) {
      release(slot);
      LOG.log(System.Logger.Level.ERROR, "model '" + id + "' cannot be loaded", e.getCause());
      throw ApiException.internal("model '" + id + "' cannot be loaded; the log says why");
    } catch (TimeoutException e) {
      release(slot);
      throw ApiException.unavailable("model '" + id + "' is being loaded", RETRY);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      release(slot);
      throw ApiException.unavailable("this server is shutting down", RETRY);
    }
  }

  /** Counts a user, and starts to load where nobody has. */
  private CompletableFuture<ServedModel> enter(Slot slot) {
    synchronized (slot) {
      if (closed) {
        throw ApiException.unavailable("this server is shutting down", RETRY);
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

  /** Loads on a platform thread, since that calls native code at length. */
  private void load(Slot slot, CompletableFuture<ServedModel> loading) {
    var _ =
        Thread.ofPlatform()
            .daemon()
            .name("vidrio-load")
            .start(
                () -> {
                  try {
                    loading.complete(slot.offer.loader().load(slot.metrics));
                  } catch (RuntimeException | Error e) {
                    synchronized (slot) {
                      slot.loading = null;
                    }
                    loading.completeExceptionally(e);
                  }
                });
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

  private static void unload(Slot slot, long limit) {
    ServedModel idle;
    synchronized (slot) {
      CompletableFuture<ServedModel> loading = slot.loading;
      if (slot.users > 0
          || loading == null
          || !loading.isDone()
          || System.nanoTime() - slot.idleSince < limit) {
        return;
      }
      idle = loading.join();
      slot.loading = null;
    }
    idle.close();
    LOG.log(System.Logger.Level.INFO, "model ''{0}'' was idle and is unloaded", slot.offer.id());
  }

  /** Unloads all, and loads none any more. Requests that still run are called off. */
  @Override
  public void close() {
    closed = true;
    if (reaper != null) {
      reaper.interrupt();
    }
    for (Slot slot : slots.values()) {
      CompletableFuture<ServedModel> loading;
      synchronized (slot) {
        loading = slot.loading;
        slot.loading = null;
      }
      if (loading != null) {
        loading.handle((model, failure) -> model).thenAccept(Models::closeLoaded).join();
      }
    }
  }

  private static void closeLoaded(@Nullable ServedModel model) {
    if (model != null) {
      model.close();
    }
  }
}
