package dev.vidrio.cli;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Interrupt;
import dev.vidrio.cli.io.Units;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.ServedCommands;
import dev.vidrio.cli.option.CacheDirectoryOption;
import dev.vidrio.cli.option.DraftedModel;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.cli.option.PrecisionOption;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.LensOptions;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.Model;
import dev.vidrio.server.AdapterSource;
import dev.vidrio.server.ModelSource;
import dev.vidrio.server.Server;
import dev.vidrio.server.ServerLimits;
import dev.vidrio.server.ServerOptions;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio serve}. */
@Command(
    name = "serve",
    description = {
      "Serves models over HTTP with the APIs of OpenAI, Anthropic and Ollama (docs/server.md) and a"
          + " web page.",
      "Repeat -m to serve several models; NAME=MODEL names one. The first, and those with adapters"
          + " or draft models, load at start, the others on first use. SIGTERM and Ctrl-C let"
          + " running requests finish; a second signal ends the server at once."
    })
final class ServeCommand implements Callable<Integer> {
  private static final String LOG_FORMAT = "java.util.logging.SimpleFormatter.format";
  private static final int INTERRUPTED = 130;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private ServedDirectoryOption directory = new ServedDirectoryOption();
  @Mixin private PrecisionOption precision = new PrecisionOption();
  @Mixin private ServedAdaptersOption adapters = new ServedAdaptersOption();
  @Mixin private ServedDraftsOption drafts = new ServedDraftsOption();
  @Mixin private CacheDirectoryOption cacheDirectory = new CacheDirectoryOption();
  @Mixin private SecretsOption secrets = new SecretsOption();

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description = "Address to listen on. Default: ${DEFAULT-VALUE}, this machine only.")
  private String host = "127.0.0.1";

  @Option(names = "--port", paramLabel = "PORT", description = "Port; 0 for any free one.")
  private int port = 8080;

  @Option(
      names = "--allow-origin",
      paramLabel = "ORIGIN",
      description =
          "Allow web pages of this origin (CORS), such as http://localhost:3000; may be repeated.")
  private List<String> origins = new ArrayList<>();

  @Option(
      names = "--parallel",
      paramLabel = "N",
      description = "Requests per model that run at once.")
  private int parallel = 32;

  @Option(names = "--queue", paramLabel = "N", description = "Requests per model that may wait.")
  private int queue = 256;

  @Option(
      names = "--max-wait",
      paramLabel = "SECONDS",
      description = "Refuse requests that would wait longer in the queue. Default: never.")
  private @Nullable Double maxWait;

  @Option(
      names = "--stream-interval",
      paramLabel = "MS",
      description = "Minimum time between two writes to a stream; 0: write each token at once.")
  private int streamInterval = 10;

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description = "Context length of a request. Default: the model's, at most 4096.")
  private int context;

  @Option(
      names = "--kv-memory",
      paramLabel = "MB",
      description =
          "Memory of a model's key-value cache, allocated while the server is idle. Default: up to"
              + " a quarter of the machine's, allocated on demand.")
  private long kvMegabytes;

  @Option(names = "--max-tokens", paramLabel = "N", description = "Maximum tokens of an answer.")
  private int maxTokens = 4096;

  @Option(names = "--max-body", paramLabel = "MB", description = "Maximum size of a request.")
  private int maxBody = 8;

  @Option(
      names = "--max-requests",
      paramLabel = "N",
      description = "Maximum requests at once, over all models.")
  private int maxRequests = 512;

  @Option(names = "--timeout", paramLabel = "SECONDS", description = "Maximum time of a request.")
  private int timeout = 600;

  @Option(
      names = "--lens-files",
      paramLabel = "DIRECTORY",
      description =
          "Files that requests to /v1/lens/commands may read by the name shared/FILE, such as"
              + " tuned lenses and autoencoders.")
  private @Nullable Path lensFiles;

  @Option(
      names = "--keep-alive",
      paramLabel = "SECONDS",
      description = "Unload a model that has been idle this long. Default: never.")
  private @Nullable Integer keepAlive;

  @Option(
      names = "--models-memory",
      paramLabel = "MB",
      description =
          "Unload idle models, the least recently used first, when the loaded ones with their"
              + " caches are larger than this. Default: never.")
  private long modelsMegabytes;

  @Option(
      names = "--drain",
      paramLabel = "SECONDS",
      description = "Time for running requests to finish after SIGTERM.")
  private int drain = 30;

  private final CountDownLatch signaled = new CountDownLatch(1);
  private volatile boolean serving;

  @Override
  public Integer call() throws IOException, InterruptedException {
    require("--drain", drain, 0, Integer.MAX_VALUE);
    require("--kv-memory", kvMegabytes, 0, Long.MAX_VALUE >> 20);
    require("--models-memory", modelsMegabytes, 0, Long.MAX_VALUE >> 20);
    require("--stream-interval", streamInterval, 0, 60_000);
    require("--max-body", maxBody, 1, ServerLimits.MAX_BODY_BYTES >> 20);
    require("--parallel", parallel, 1, EngineOptions.MAX_SEQUENCES);
    require("--queue", queue, 0, EngineOptions.MAX_QUEUE);
    require("--max-requests", maxRequests, 1, Integer.MAX_VALUE);
    require("--max-tokens", maxTokens, 1, Integer.MAX_VALUE);
    require("--timeout", timeout, 1, ServerLimits.MAX_TIME.toSeconds());
    require("--keep-alive", keepAlive == null ? 0 : keepAlive, 0, Integer.MAX_VALUE);
    if (maxWait != null && !(maxWait >= 0)) {
      throw new UsageException("--max-wait " + maxWait + ": must not be negative");
    }
    if (lensFiles != null && !Files.isDirectory(lensFiles)) {
      throw new UsageException("--lens-files " + lensFiles + ": is not a directory");
    }
    if (host.isBlank()) {
      throw new UsageException("--host: must name an address");
    }
    System.getProperties().putIfAbsent(LOG_FORMAT, "%1$tFT%1$tT.%1$tL%1$tz %4$s %5$s%6$s%n");
    List<Served> models = models();
    ModelSource[] sources = sources(models);
    try (var _ = Interrupt.handleEnd(this::end)) {
      serve(OptionValues.of(this::options), models, sources);
    }
    return 0;
  }

  private void serve(ServerOptions options, List<Served> models, ModelSource... sources)
      throws IOException, InterruptedException {
    try (Server server = start(options, sources)) {
      serving = true;
      warnIfPublic(options);
      System.out.println(models.getFirst().toLine(server));
      models.getFirst().advice().ifPresent(System.out::println);
      System.out.flush();
      signaled.await();
      System.err.println(
          "vidrio: shutting down: waiting up to " + drain + " s for running requests");
      if (!server.drain(Duration.ofSeconds(drain))) {
        System.err.println("vidrio: requests still running after " + drain + " s were canceled");
      }
    }
  }

  private static void require(String option, long value, long min, long max) {
    if (value < min || value > max) {
      throw new UsageException(option + " " + value + ": must be " + min + " to " + max);
    }
  }

  private void end() {
    // While models load, which may take minutes, there are no requests to wait for.
    if (!serving || signaled.getCount() == 0) {
      Runtime.getRuntime().halt(INTERRUPTED);
    }
    signaled.countDown();
  }

  private ModelSource[] sources(List<Served> models) {
    List<String> names = models.stream().map(served -> served.id).toList();
    Map<String, List<AdapterSource>> adaptersOf = adapters.of(names);
    Map<String, String> draftOf = drafts.of(names);
    return models.stream()
        .map(
            served ->
                source(served, draftOf.get(served.id))
                    .withAdapters(adaptersOf.getOrDefault(served.id, List.of())))
        .toArray(ModelSource[]::new);
  }

  private ModelSource source(Served served, @Nullable String draft) {
    DraftedModel drafted = DraftedModel.of(served.option, draft);
    ModelOption small = drafted.draft();
    return new ModelSource(served.id, () -> served.open(drafted.model()))
        .withDraft(small == null ? null : small::open);
  }

  private Server start(ServerOptions options, ModelSource... sources) throws IOException {
    try {
      return Server.start(options, sources);
    } catch (BindException e) {
      throw new CommandException(
          "cannot listen at " + host + ":" + port + ": " + e.getMessage(), e);
    } catch (OutOfMemoryError e) {
      throw new CommandException(
          "not enough memory: " + e.getMessage() + " (--kv-memory sets the size of the cache)", e);
    }
  }

  private ServerOptions options() {
    EngineOptions engine =
        EngineOptions.DEFAULT
            .withSequences(parallel)
            .withQueue(queue)
            .withMaxWait(maxWait == null ? null : Duration.ofMillis((long) (maxWait * 1000)))
            .withStreamInterval(Duration.ofMillis(streamInterval))
            .withContext(context)
            .withCacheBytes(kvMegabytes << 20)
            .withKvType(precision.kvType())
            .withLens(LensOptions.STEERING)
            .withArithmetic(precision.arithmetic())
            .withDraftTokens(drafts.tokens());
    engine = cacheDirectory.applyTo(engine);
    ServerLimits limits =
        ServerLimits.DEFAULT
            .withTokens(maxTokens)
            .withBodyBytes(maxBody << 20)
            .withRequests(maxRequests)
            .withRequestTime(Duration.ofSeconds(timeout));
    return ServerOptions.DEFAULT
        .withAddress(host, port)
        .withApiKeys(secrets.apiKeys())
        .withOrigins(origins)
        .withTls(secrets.tls())
        .withEngine(engine)
        .withLimits(limits)
        .withLensCommands(new ServedCommands(lensFiles))
        .withKeepAlive(keepAlive == null ? null : Duration.ofSeconds(keepAlive))
        .withModelBytes(modelsMegabytes << 20);
  }

  private void warnIfPublic(ServerOptions options) throws IOException {
    if (options.apiKeys().isEmpty() && !InetAddress.getByName(host).isLoopbackAddress()) {
      System.err.println(
          "vidrio: no API key is required, and "
              + host
              + " is not a loopback address: see --api-key-file");
    }
  }

  private List<Served> models() {
    List<Served> models = new ArrayList<>();
    boolean onlyDirectory = directory.isGiven() && !model.isGiven();
    for (String reference : onlyDirectory ? List.<String>of() : model.references()) {
      int equals = reference.indexOf('=');
      boolean named = equals > 0 && reference.lastIndexOf('/', equals) < 0;
      String source = named ? reference.substring(equals + 1) : reference;
      models.add(
          new Served(
              named ? reference.substring(0, equals) : ModelOption.shortName(source),
              model.withReference(source),
              precision.arithmetic()));
    }
    for (String path : directory.references()) {
      models.add(
          new Served(
              ModelOption.shortName(path), model.withReference(path), precision.arithmetic()));
    }
    return models;
  }

  /** A served model, by its id. */
  private static final class Served {
    private final String id;
    private final ModelOption option;
    private final Arithmetic arithmetic;
    private volatile @Nullable String machine;
    private volatile boolean prefersBf16;

    Served(String id, ModelOption option, Arithmetic arithmetic) {
      this.id = id;
      this.option = option;
      this.arithmetic = arithmetic;
    }

    /** Opens the model with the options of its drafts. */
    Model open(ModelOption how) {
      Model opened = how.open(Repacking.AT_ONCE);
      prefersBf16 =
          arithmetic != Arithmetic.BF16
              && isa(opened.executor()).filter(Isa::prefersBf16).isPresent();
      machine =
          opened.executor().name()
              + ", "
              + opened.executor().workers()
              + " threads, weights "
              + Units.bytes(opened.gguf().size())
              + products(opened.executor());
      return opened;
    }

    /** Names the arithmetic of products if it is bf16. */
    private String products(Executor executor) {
      if (arithmetic != Arithmetic.BF16) {
        return "";
      }
      return ", products in bf16"
          + isa(executor).map(isa -> " by " + isa.bf16Instruction()).orElse("");
    }

    private static Optional<Isa> isa(Executor executor) {
      return executor instanceof NativeExecutor kernels
          ? Optional.of(kernels.isa())
          : Optional.empty();
    }

    /** Returns a line about the other arithmetic, where it has faster prompts. */
    Optional<String> advice() {
      return prefersBf16
          ? Optional.of("vidrio: --arithmetic bf16 makes prompts faster here, and answers slower")
          : Optional.empty();
    }

    /** Returns the startup line: model, executor, memory and address. */
    String toLine(Server server) {
      long cache = server.engineOptions(id).map(EngineOptions::cacheBytes).orElse(0L);
      return "vidrio: serving "
          + id
          + " ("
          + machine
          + ", cache "
          + Units.bytes(cache)
          + ") at "
          + server.uri();
    }
  }
}
