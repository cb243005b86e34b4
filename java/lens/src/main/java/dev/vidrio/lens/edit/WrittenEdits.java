package dev.vidrio.lens.edit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads edits of activations that are written as text: {@code HOOK[INDEX] OPERATION ARGUMENTS},
 * such as {@code blocks.23.attn.hook_z[:, 3] zero}.
 *
 * @see "docs/lens/edits.md"
 */
public final class WrittenEdits {
  private WrittenEdits() {}

  /**
   * Returns the interventions of an edit; other texts that it names run meanwhile.
   *
   * @param tokens the text that runs with the edit, for negative positions
   * @throws InvalidInputException if the edit is malformed or does not fit the model or the text
   */
  public static List<Intervention> read(Lens lens, int[] tokens, String written, EditFiles files) {
    EditText text = EditText.parse(written);
    List<HookPoint> points = lens.points(text.hook());
    var source = new EditSource(lens, text, files);
    List<Intervention> edits = new ArrayList<>();
    // A run of one token gives the shapes.
    try (ActivationCache one = lens.run(new int[] {tokens[0]}, Capture.of(text.hook()))) {
      for (HookPoint point : points) {
        Region region = Region.of(point, one.get(point).shape(), tokens.length, text.index());
        edits.addAll(new EditBuilder(text, source, region).edits());
      }
    }
    return edits;
  }
}
