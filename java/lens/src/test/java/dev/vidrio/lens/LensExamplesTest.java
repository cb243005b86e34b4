package dev.vidrio.lens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.Model;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.SessionOptions;
import dev.vidrio.model.testfiles.BardFiles;
import org.junit.jupiter.api.Test;

/** The examples of the Javadoc. */
class LensExamplesTest {
  private static Model model() {
    return Model.open(BardFiles.q8());
  }

  @Test
  void cache() {
    // @start region="cache"
    try (Model model = model();
        ActivationCache cache =
            Lens.of(model).run("To be, or not to be", Capture.of("*.hook_pattern, *.hook_z"))) {
      Activation pattern = cache.get("blocks.0.attn.hook_pattern");
      float attended = pattern.at(3, 5, 0); // head 3: how much token 5 attends to token 0
      float[] z = cache.get(HookSite.Z, 2).row(5); // of all heads
      // @end
      assertTrue(attended >= 0 && attended <= 1);
      assertEquals(256, z.length);
    }
  }

  @Test
  void generate() {
    try (Model model = model()) {
      // @start region="generate"
      Capture capture = Capture.of("blocks.*.hook_resid_post");
      try (LensSession session = Lens.of(model).open(capture, SessionOptions.DEFAULT)) {
        Sequence sequence = session.newSequence();
        session.feed(sequence, model.tokenizer().encode("KING."));
        for (int i = 0; i < 8; i++) {
          session.feed(sequence, session.candidates(0).id(0));
        }
        Activation last = session.cache(sequence).get("blocks.3.hook_resid_post");
        // @end
        assertEquals(sequence.length(), last.shape().getFirst());
      }
    }
  }
}
