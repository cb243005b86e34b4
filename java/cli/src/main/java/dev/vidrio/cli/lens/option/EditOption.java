package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.io.Workspace;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.edit.EditFiles;
import dev.vidrio.lens.edit.WrittenEdits;
import dev.vidrio.lens.hook.Intervention;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** The option of edits of activations. */
public final class EditOption {
  private static final EditFiles FILES =
      new EditFiles() {
        @Override
        public Path tensors(String name) {
          return Workspace.path(name);
        }

        @Override
        public String text(String name) {
          return InputOutput.read(Workspace.path(name));
        }
      };

  @Option(
      names = "--edit",
      paramLabel = "EDIT",
      description = {
        "Changes activations: HOOK[INDEX] OPERATION ARGUMENTS; may be repeated.",
        "The index is as in NumPy, on the shape that 'lens cache' prints; negative positions count"
            + " from the end of the text. Operations:",
        "  zero; set X; scale FACTOR; clamp MIN MAX",
        "  add STRENGTH X; project_out X",
        "  patch 'TEXT'[N]; swap BASIS 'TEXT'[N]",
        "  mean 'TEXT'…; resample 'TEXT'… [seed N]",
        "  noise DEVIATION [seed N]",
        "X is a number, FILE.safetensors:TENSOR[INDEX], or plus 'TEXT'… minus 'TEXT'…. N is a"
            + " position of the other text. A text file may replace 'TEXT'…."
      })
  private List<String> texts = new ArrayList<>();

  /** Returns whether an edit is given. */
  public boolean isPresent() {
    return !texts.isEmpty();
  }

  /**
   * Rejects edits of several texts: their positions are those of one.
   *
   * @throws UsageException if an edit is given
   */
  public void requireOneText() {
    if (isPresent()) {
      throw new UsageException("--edit: requires a single text or pair, not a data set");
    }
  }

  /** Returns a lens of the model with these edits in all forward passes. */
  public Lens apply(Lens lens, int[] tokens) {
    return isPresent() ? lens.edited(of(lens, tokens)) : lens;
  }

  /** Returns the edits as given. */
  public List<String> texts() {
    return List.copyOf(texts);
  }

  /**
   * Returns the parsed edits in their order.
   *
   * @param tokens the text that runs with the edits
   */
  public List<Intervention> of(Lens lens, int[] tokens) {
    return texts.stream()
        .flatMap(text -> WrittenEdits.read(lens, tokens, text, FILES).stream())
        .toList();
  }
}
