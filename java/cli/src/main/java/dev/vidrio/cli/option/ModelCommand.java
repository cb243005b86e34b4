package dev.vidrio.cli.option;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.Model;
import dev.vidrio.server.command.LensCommands;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * A command that opens a model and shows a result, as text or as JSON.
 *
 * @param <R> the result
 */
public abstract class ModelCommand<R> implements Callable<Integer>, ServedCommand {
  @Mixin private ModelOption options = new ModelOption();

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Spec private CommandSpec command = CommandSpec.create();

  private @Nullable Model model;

  private @Nullable String servedName;

  /** Opens other models. */
  private LensCommands.Models others =
      reference -> {
        Model opened = options.withReference(reference).open();
        return new LensCommands.OpenModel(opened, opened::close);
      };

  @Override
  public final Integer call() throws IOException {
    OptionValues.check(this::check);
    int exit;
    try (Model opened = options.open(repacking())) {
      model = opened;
      R result = run(opened);
      try {
        String written = write(result);
        if (written != null) {
          System.out.println(written);
        } else if (json) {
          Json.print(toJson(result));
        } else {
          print(result);
        }
        exit = exitCode(result);
      } finally {
        close(result);
      }
    }
    return exit;
  }

  @Override
  public final Object call(Model served, String name, LensCommands.Models servedModels)
      throws IOException {
    return serve(served, name, servedModels, this::toJson);
  }

  @Override
  public final void callForFiles(Model served, String name, LensCommands.Models servedModels)
      throws IOException {
    var _ = serve(served, name, servedModels, result -> name);
  }

  private Object serve(
      Model served, String name, LensCommands.Models servedModels, Function<R, Object> answer)
      throws IOException {
    json = true;
    OptionValues.check(this::check);
    model = served;
    servedName = name;
    others = servedModels;
    R result = run(served);
    try {
      var _ = write(result);
      return answer.apply(result);
    } finally {
      close(result);
    }
  }

  /** Returns when the matrices of the model are packed; after the first step by default. */
  protected Repacking repacking() {
    return Repacking.DEFERRED;
  }

  /** Rejects invalid options before the model is opened, which is wrong usage. */
  protected void check() {}

  /** Computes the result. */
  protected abstract R run(Model opened) throws IOException;

  /**
   * Writes the result to a file, if an option requests it.
   *
   * @return a line to print instead of the result; null to print the result
   */
  protected @Nullable String write(R result) throws IOException {
    return null;
  }

  /** Returns the exit code of the command; 0 by default. */
  protected int exitCode(R result) {
    return 0;
  }

  /** Releases the memory of the result; nothing by default. */
  protected void close(R result) {}

  /** Prints the result as text. */
  protected abstract void print(R result);

  /** Returns the result as JSON: an object with the name of the model and what is filled in. */
  protected Object toJson(R result) {
    var object = new JsonObject().with("model", modelName());
    fill(object, result);
    return object;
  }

  /** Adds the fields of the result to the JSON object; nothing by default. */
  protected void fill(JsonObject object, R result) {}

  /** Returns the open model. */
  protected final Model model() {
    return Objects.requireNonNull(model);
  }

  /** Returns the name of the model in results. */
  protected final String modelName() {
    return servedName == null ? model().name() : servedName;
  }

  /**
   * Opens another model with the options of this one; for a client of the server, a served model.
   * The caller closes it.
   */
  protected final LensCommands.OpenModel open(String reference) {
    return others.open(reference);
  }

  /**
   * Returns the numbers of threads of {@code -t}, which may be several; the model is opened with
   * the first. Called in {@link #check}.
   */
  protected final List<Integer> threadCounts() {
    return options.threadCounts();
  }

  /** Opens the model with another number of threads; the caller closes it. */
  protected final Model open(int threads) {
    return options.withThreads(threads).open(repacking());
  }

  /** Returns whether {@code --json} is given. */
  protected final boolean isJson() {
    return json;
  }

  /** Returns the specification of this command. */
  protected final CommandSpec command() {
    return command;
  }
}
