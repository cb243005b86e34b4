package dev.vidrio.hub;

import dev.vidrio.hub.source.HuggingFaceSource;
import dev.vidrio.hub.source.ModelSource;
import dev.vidrio.hub.source.ProgressListener;
import dev.vidrio.kernel.host.Sha256;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * The common fixture of pull tests: a file, a catalog entry for it, and a store that never waits.
 */
final class HubFixture {

  /**
   * Larger than a socket's buffers, so that a stalled or dropped connection is noticed in the
   * middle.
   */
  static final byte[] FILE = new byte[3_000_001];

  static final String SHA256;
  static final HuggingFaceSource SOURCE =
      new HuggingFaceSource("owner", "repo", "main", "tiny.gguf");

  static {
    new Random(1).nextBytes(FILE);
    SHA256 = HexFormat.of().formatHex(Sha256.newDigest().digest(FILE));
  }

  private HubFixture() {}

  static CatalogEntry entry(ModelSource... sources) {
    return entry(SHA256, sources);
  }

  static CatalogEntry entry(String sha256, ModelSource... sources) {
    return new CatalogEntry(
        "tiny", "random bytes", "CC0-1.0", "tiny.gguf", FILE.length, sha256, List.of(sources));
  }

  static ModelReference named(ModelSource... sources) {
    return new ModelReference.Named(entry(sources));
  }

  static ModelReference huggingFace() {
    return new ModelReference.HuggingFace(SOURCE);
  }

  static ModelStoreBuilder store(Path directory, URI endpoint) {
    return new ModelStoreBuilder(Map.of(), directory.resolve("home"))
        .directory(directory)
        .endpoint(endpoint)
        .idleTimeout(Duration.ofSeconds(60))
        .pipCommands(List.of())
        .backoff((failures, atLeast) -> {});
  }

  /** Records all events of a pull. */
  static final class Recorder implements ProgressListener {

    record Step(Phase phase, long bytesDone, long bytesTotal) {}

    final List<Step> steps = new ArrayList<>();
    final List<String> failures = new ArrayList<>();

    @Override
    public void onProgress(Phase phase, long bytesDone, long bytesTotal) {
      steps.add(new Step(phase, bytesDone, bytesTotal));
    }

    @Override
    public void onNextSource(ModelSource next, String reason) {
      failures.add(reason + "; then " + next.label());
    }
  }
}
