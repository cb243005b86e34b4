package dev.vidrio.cli.lens.edit;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** The option of edits of activations. */
public final class EditOption {
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
    List<Intervention> edits = new ArrayList<>();
    for (String written : texts) {
      EditText text = EditText.parse(written);
      List<HookPoint> points = lens.points(text.hook());
      var source = new EditSource(lens, text);
      // A run of one token gives the shapes.
      try (ActivationCache one = lens.run(new int[] {tokens[0]}, Capture.of(text.hook()))) {
        for (HookPoint point : points) {
          Region region = Region.of(point, one.get(point).shape(), tokens.length, text.index());
          edits.addAll(new EditBuilder(text, source, region).edits());
        }
      }
    }
    return edits;
  }
}
