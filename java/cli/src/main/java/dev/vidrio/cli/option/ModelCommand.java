package dev.vidrio.cli.option;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.Callable;
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
public abstract class ModelCommand<R> implements Callable<Integer> {
  @Mixin private ModelOption options = new ModelOption();

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Spec private CommandSpec command = CommandSpec.create();

  private @Nullable Model model;

  @Override
  public final Integer call() throws IOException {
    check();
    try (Model opened = options.open()) {
      model = opened;
      show(run(opened));
    }
    return 0;
  }

  /** Rejects invalid options before the model is opened. */
  protected void check() {}

  /** Computes the result. */
  protected abstract R run(Model opened) throws IOException;

  /** Prints the result as the options request. */
  protected void show(R result) throws IOException {
    if (json) {
      Json.print(toJson(result));
    } else {
      print(result);
    }
  }

  /** Prints the result as text. */
  protected abstract void print(R result);

  /** Returns the result as JSON: an object with the name of the model and what is filled in. */
  protected Object toJson(R result) {
    var object = new JsonObject().with("model", model().name());
    fill(object, result);
    return object;
  }

  /** Adds the fields of the result to the JSON object; nothing by default. */
  protected void fill(JsonObject object, R result) {}

  /** Returns the open model. */
  protected final Model model() {
    return Objects.requireNonNull(model);
  }

  /** Opens another model with the options of this one; the caller closes it. */
  protected final Model open(String reference) {
    return options.withReference(reference).open();
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
