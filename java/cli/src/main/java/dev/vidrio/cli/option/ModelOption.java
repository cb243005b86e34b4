package dev.vidrio.cli.option;

import dev.vidrio.bard.Bard;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.hub.ModelReference;
import dev.vidrio.hub.ModelStore;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options of the model and of its executor. */
public final class ModelOption {
  static final String DESCRIPTION =
      "A GGUF file, a Hugging Face directory, a name (see 'vidrio list'), hf:OWNER/REPO[:QUANT], or"
          + " hf:OWNER/REPO/FILE. Default: bard.";

  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      defaultValue = "bard",
      completionCandidates = ModelNames.class,
      description = DESCRIPTION)
  private List<String> references = List.of("bard");

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      description = "Worker threads. Default: $VIDRIO_THREADS, else one per physical core.")
  private @Nullable String threads;

  /** The thread counts for which the command opens the model, one after the other. */
  private List<Integer> counts = List.of();

  @Option(
      names = "--decode-threads",
      paramLabel = "N",
      description =
          "Worker threads of steps of at most 16 tokens, which memory bandwidth limits. Default:"
              + " those of -t on fast cores.")
  private @Nullable Integer decodeThreads;

  @Option(
      names = "--isa",
      paramLabel = "ISA",
      description =
          "Instruction set of the native kernels. Default: $VIDRIO_ISA, else the best available.")
  private @Nullable String isa;

  @Option(
      names = "--executor",
      paramLabel = "KIND",
      defaultValue = "native",
      description = "What runs the model: ${COMPLETION-CANDIDATES}.")
  private ExecutorKind executor = ExecutorKind.NATIVE;

  @Option(
      names = "--no-repack",
      description =
          "Use weights from the mapped file without repacking them: shares memory, generates more"
              + " slowly.")
  private boolean noRepack;

  @Option(
      names = "--latent-cache",
      description =
          "Cache the latent vectors of models with latent attention (MLA) instead of keys and"
              + " values: takes less memory, and more time for prompts.")
  private boolean latentCache;

  private boolean draftBlock;
  private @Nullable Path draftHead;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  public ModelOption() {
    command = CommandSpec.create();
  }

  /** Returns these options for another model. */
  public ModelOption withReference(String other) {
    var copy = new ModelOption();
    copy.references = List.of(other);
    copy.threads = threads;
    copy.decodeThreads = decodeThreads;
    copy.isa = isa;
    copy.executor = executor;
    copy.noRepack = noRepack;
    copy.latentCache = latentCache;
    copy.draftBlock = draftBlock;
    copy.draftHead = draftHead;
    copy.command = command;
    return copy;
  }

  /** Returns these options for the model with its block for multi-token prediction. */
  public ModelOption withDraftBlock() {
    ModelOption copy = withReference(reference());
    copy.draftBlock = true;
    return copy;
  }

  /** Returns these options for the model with an EAGLE-3 head. */
  public ModelOption withDraftHead(Path head) {
    ModelOption copy = withReference(reference());
    copy.draftHead = head;
    return copy;
  }

  /** Returns these options with another number of threads. */
  ModelOption withThreads(int count) {
    ModelOption copy = withReference(reference());
    copy.threads = String.valueOf(count);
    return copy;
  }

  /**
   * Returns the numbers of threads of {@code -t}, separated by commas, for a command that runs with
   * one after the other; empty without the option. {@link #open} uses the first one.
   */
  List<Integer> threadCounts() {
    counts =
        threads == null
            ? List.of()
            : Pattern.compile(",").splitAsStream(threads).map(ModelOption::threadCount).toList();
    return counts;
  }

  private static int threadCount(String text) {
    try {
      int count = Integer.parseInt(text.strip());
      if (count >= 1 && count <= 1024) {
        return count;
      }
    } catch (NumberFormatException e) {
      // Reported below.
    }
    throw new UsageException("-t " + text + ": must be 1 to 1024");
  }

  /** Returns the number of threads, or null for the default. */
  private @Nullable Integer threads() {
    if (!counts.isEmpty()) {
      return counts.getFirst();
    }
    return threads == null ? null : (Integer) threadCount(threads);
  }

  /** Returns whether the user gave {@code -m}. */
  public boolean isGiven() {
    return command.commandLine().getParseResult().hasMatchedOption("--model");
  }

  /** Returns these options for the model that a positional argument names, or this for null. */
  public ModelOption named(@Nullable String argument) {
    if (argument == null) {
      return this;
    }
    if (isGiven()) {
      throw new UsageException("two models: -m " + reference() + " and " + argument + "; give one");
    }
    return withReference(argument);
  }

  /** Returns the reference of a command that takes one model. */
  public String reference() {
    if (references.size() > 1) {
      throw new UsageException("-m " + references.get(1) + ": this command takes one model");
    }
    return references.getFirst();
  }

  /**
   * Returns the name of a model in results and on a server: that of its file without the extension,
   * or the name that the user gave.
   */
  public static String shortName(String reference) {
    boolean remote = reference.startsWith(ModelReference.HUGGING_FACE_PREFIX);
    Path last = Path.of(reference.replace("hf:", "")).getFileName();
    String name = last == null ? reference : last.toString();
    return (remote ? name.replaceFirst("[:@].*$", "") : name).replaceFirst("\\.gguf$", "");
  }

  /** Returns the references of a command that takes several models. */
  public List<String> references() {
    return references;
  }

  /**
   * Loads the model with a progress bar, and offers to pull a missing one. Its matrices are packed
   * after the first step.
   */
  public Model open() {
    return open(Repacking.DEFERRED);
  }

  /** Loads the model as {@link #open()} does, for a command that packs its matrices otherwise. */
  public Model open(Repacking repacking) {
    Path file = file(reference()).orElse(null);
    if (file == null) {
      return openBard(repacking);
    }
    try (var bar = new ProgressBar("loading " + reference())) {
      return Model.open(file, options(bar, repacking));
    }
  }

  private Model openBard(Repacking repacking) {
    try (InputStream in = Bard.open();
        var bar = new ProgressBar("loading bard")) {
      return Model.read("bard", in, Bard.size(), options(bar, repacking));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the file of a model, and offers to pull a missing one; empty for the embedded one. */
  public static Optional<Path> file(String reference) {
    ModelReference parsed = ModelReference.parse(reference);
    return isEmbedded(parsed) ? Optional.empty() : Optional.of(find(parsed));
  }

  private static boolean isEmbedded(ModelReference parsed) {
    return parsed instanceof ModelReference.Named(var entry) && entry.isEmbedded();
  }

  /** Returns the file of a model that is not embedded, and offers to pull a missing one. */
  public static Path find(ModelReference parsed) {
    if (parsed instanceof ModelReference.LocalFile(Path path)) {
      return path;
    }
    ModelStore store = ModelStore.open();
    Optional<Path> found = store.find(parsed);
    return found.orElseGet(() -> ModelPull.offer(store, parsed));
  }

  private ModelOptions options(ProgressBar bar, Repacking repacking) {
    return ModelOptions.with(this::createExecutor)
        .withRepacking(noRepack ? Repacking.NEVER : repacking)
        .withDraftBlock(draftBlock)
        .withDraftHead(draftHead)
        .withLatentCache(latentCache)
        .withProgress((done, total) -> bar.update((double) done / total, ""));
  }

  /** Creates the executor of the options. */
  Executor createExecutor() {
    var _ = threads();
    if (executor != ExecutorKind.NATIVE && isa != null) {
      throw new UsageException(
          "--isa: requires the native executor, but the executor is " + executorName());
    }
    if (executor != ExecutorKind.NATIVE && decodeThreads != null) {
      throw new UsageException(
          "--decode-threads: requires the native executor, but the executor is " + executorName());
    }
    if (executor != ExecutorKind.NATIVE && noRepack) {
      throw new UsageException(
          "--no-repack: requires the native executor, but the executor is " + executorName());
    }
    return switch (executor) {
      case NATIVE -> createNative();
      case VECTOR -> createVector();
      case SCALAR -> JavaExecutor.scalar(javaWorkers());
    };
  }

  private String executorName() {
    return executor.name().toLowerCase(Locale.ROOT);
  }

  /** Creates the native executor of the options. */
  NativeExecutor createNative() {
    Integer given = threads();
    int workers = given == null ? NativeExecutor.defaultWorkers() : given;
    if (decodeThreads != null && (decodeThreads < 1 || decodeThreads > workers)) {
      throw new UsageException(
          "--decode-threads " + decodeThreads + ": must be 1 to " + workers + ", the threads");
    }
    try {
      Isa chosen = isa == null ? Isa.pick() : Isa.of(isa);
      return decodeThreads == null
          ? NativeExecutor.create(chosen, workers)
          : NativeExecutor.create(chosen, workers, decodeThreads);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }

  private JavaExecutor createVector() {
    try {
      return JavaExecutor.vector(javaWorkers());
    } catch (UnsupportedOperationException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }

  private int javaWorkers() {
    Integer workers = threads();
    return workers == null ? Runtime.getRuntime().availableProcessors() : workers;
  }
}
