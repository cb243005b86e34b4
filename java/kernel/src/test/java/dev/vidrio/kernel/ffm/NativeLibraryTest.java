package dev.vidrio.kernel.ffm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.kernel.ffm.NativeLibrary.Search;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
  /** SHA-256 of the three bytes "abc", from FIPS 180-4. */
  private static final String ABC =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  private static final Platform NOWHERE = new Platform("plan9-z80", "libvidrio.so");

  /** One of which the class path of the tests has a library, those three bytes. */
  private static final Platform SOMEWHERE = new Platform("cpm-z80", "libvidrio.so");

  @TempDir Path cache;

  private Path pathOf(String digest) {
    return cache
        .resolve("native")
        .resolve(Vidrio.VD_VERSION().getString(0))
        .resolve(digest)
        .resolve("libvidrio.so");
  }

  private Path cached(String digest, String content) throws IOException {
    Path file = pathOf(digest);
    Files.createDirectories(file.getParent() == null ? file : file.getParent());
    return Files.writeString(file, content);
  }

  @Test
  void theLibraryOfTheBuildLoads() {
    assertTrue(Files.isRegularFile(NativeLibrary.load()));
    assertEquals(Vidrio.VD_VERSION().getString(0), Vidrio.vd_version().getString(0));
  }

  /** A process that may not call native code. */
  static final class Denied {
    private Denied() {}

    public static void main(String[] arguments) {
      try (NativeExecutor executor = NativeExecutor.create()) {
        System.out.println(executor.name());
      } catch (NativeException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  @Test
  void whoMayNotCallNativeCodeIsToldHow() throws IOException {
    String path =
        System.getProperty("jdk.module.path", "")
            + File.pathSeparator
            + System.getProperty("java.class.path");
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    List<String> command =
        List.of(
            java.toString(), "--illegal-native-access=deny", "-cp", path, Denied.class.getName());
    Process process = new ProcessBuilder(command).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertTrue(out.startsWith("Vidrio may not call native code. Start java with"), out);
  }

  @Test
  void thePropertyComesFirst() throws IOException {
    Path file = Files.writeString(cache.resolve("mine.so"), "abc");
    assertEquals(file, new Search(NOWHERE, cache).find(file.toString()));
  }

  @Test
  void aPropertyThatNamesNoFileIsAnError() {
    Path missing = cache.resolve("missing.so");
    Exception e =
        assertThrows(
            NativeException.class, () -> new Search(NOWHERE, cache).find(missing.toString()));
    assertTrue(String.valueOf(e.getMessage()).contains(missing.toString()), e.getMessage());
  }

  @Test
  void theLibraryOfAJarIsCopiedToTheCacheOnce() throws IOException {
    Path file = new Search(SOMEWHERE, cache).find(null);
    assertEquals(pathOf(ABC), file);
    assertEquals("abc", Files.readString(file));
    FileTime before = Files.getLastModifiedTime(file);
    Files.setLastModifiedTime(file, FileTime.from(before.toInstant().minusSeconds(100)));
    FileTime old = Files.getLastModifiedTime(file);
    assertEquals(file, new Search(SOMEWHERE, cache).find(null));
    assertEquals(old, Files.getLastModifiedTime(file));
  }

  @Test
  void aCachedLibraryOfAnotherContentIsReplaced() throws IOException {
    Path file = cached(ABC, "abd");
    assertEquals(file, new Search(SOMEWHERE, cache).find(null));
    assertEquals("abc", Files.readString(file));
  }

  /** It may be another snapshot's of the same version. */
  @Test
  void aCachedLibraryThatNoJarNamesIsNotLoaded() throws IOException {
    Path file = cached(ABC, "abc");
    assertThrows(NativeException.class, () -> new Search(NOWHERE, cache).find(null));
    assertTrue(Files.exists(file));
  }

  @Test
  void theErrorSaysWhatWasLookedFor() {
    Exception e = assertThrows(NativeException.class, () -> new Search(NOWHERE, cache).find(null));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("libvidrio for plan9-z80 not found"), message);
    assertTrue(message.contains(NativeLibrary.PROPERTY + ": not set"), message);
    assertTrue(message.contains("META-INF/native/plan9-z80/libvidrio.so"), message);
    assertTrue(message.contains("vidrio-bindings-<version>-plan9-z80.jar"), message);
    assertTrue(message.contains("to the class path, not the module path"), message);
  }

  @Test
  void platformsAreNamedAsTheirJars() {
    assertEquals(new Platform("linux-x86_64", "libvidrio.so"), Platform.of("Linux", "amd64"));
    assertEquals(new Platform("linux-aarch64", "libvidrio.so"), Platform.of("Linux", "aarch64"));
    assertEquals(
        new Platform("macos-aarch64", "libvidrio.dylib"), Platform.of("Mac OS X", "aarch64"));
    assertEquals(
        new Platform("macos-x86_64", "libvidrio.dylib"), Platform.of("Mac OS X", "x86_64"));
    assertEquals(new Platform("windows-x86_64", "vidrio.dll"), Platform.of("Windows 11", "amd64"));
    assertEquals(
        new Platform("windows-x86_64", "vidrio.dll"), Platform.of("Windows Server 2025", "x86_64"));
  }
}
