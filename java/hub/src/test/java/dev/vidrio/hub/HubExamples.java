package dev.vidrio.hub;

import dev.vidrio.hub.source.ProgressListener;
import java.nio.file.Path;
import java.util.Optional;

/** The examples of the documentation; {@link HubExamplesTest} runs them. */
final class HubExamples {
  private HubExamples() {}

  static Path pull(ModelStore store, String text) throws InterruptedException {
    // @start region="pull"
    ModelReference reference = ModelReference.parse(text); // smollm2 or hf:owner/repo/file.gguf
    Optional<Path> local = store.find(reference);
    Path file = local.isPresent() ? local.get() : store.pull(reference, ProgressListener.SILENT);
    // @end
    return file;
  }
}
