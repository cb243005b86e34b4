package dev.vidrio.kernel.ffm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.kernel.ffm.NativeLibrary.Search;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
  /** SHA-256 of the three bytes "abc", from FIPS 180-4. */
  private static final String ABC =
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

  private static final Platform NOWHERE = new Platform("plan9-z80", "libvidrio.so");

  /** A platform with a library of those three bytes on the test class path. */
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
  void loadsLibraryOfTheBuild() {
    assertTrue(Files.isRegularFile(NativeLibrary.load()));
    assertEquals(Vidrio.VD_VERSION().getString(0), Vidrio.vd_version().getString(0));
  }

  /** A process without native access. */
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
  void nativeAccessDenied_explainsOption() throws IOException {
    String out = Program.run(cache, Denied.class, List.of(), "--illegal-native-access=deny");
    assertTrue(out.startsWith("Vidrio has no native access. Start java with"), out);
  }

  @Test
  void load_fileIsNotALibrary_throws() throws IOException {
    Path file = Files.writeString(cache.resolve("mine.so"), "abc");
    String out =
        Program.run(
            cache,
            Denied.class,
            List.of(),
            "--enable-native-access=ALL-UNNAMED",
            "-D" + NativeLibrary.PROPERTY + "=" + file);
    assertTrue(out.startsWith("libvidrio cannot be loaded: " + file), out);
    assertTrue(out.contains("noexec"), out);
  }

  /** A server with applications that each load Vidrio in their own class loader. */
  static final class Server {
    private Server() {}

    public static void main(String[] arguments) throws Exception {
      List<URL> jars = new ArrayList<>();
      jars.add(Path.of(arguments[0]).toUri().toURL());
      for (String file : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
        jars.add(Path.of(file).toUri().toURL());
      }
      for (int i = 0; i < 3; i++) {
        // Not closed before the next, since an application may run while it is redeployed.
        var application =
            new URLClassLoader(jars.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
        System.out.println(
            application.loadClass(NativeLibrary.class.getName()).getMethod("load").invoke(null));
      }
    }
  }

  @Test
  void loadsOneCopyPerClassLoader() throws Exception {
    Path jar = cache.resolve("jar");
    String resource = Platform.current().resource();
    byte[] library = Files.readAllBytes(NativeLibrary.load());
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(library);
    Files.createDirectories(jar.resolve(resource).resolveSibling(""));
    Files.write(jar.resolve(resource), library);
    Files.writeString(jar.resolve(resource + ".sha256"), HexFormat.of().formatHex(digest));
    String out =
        Program.run(
            cache, Server.class, List.of(jar.toString()), "--enable-native-access=ALL-UNNAMED");
    List<Path> files = out.lines().map(Path::of).toList();
    assertEquals(3, files.size(), out);
    assertEquals(3, Set.copyOf(files).size(), out);
    for (Path file : files) {
      assertTrue(file.startsWith(cache), out);
    }
  }

  @Test
  void property_secondClassLoader_throws() throws IOException {
    Path file = Files.writeString(cache.resolve("mine.so"), "abc");
    Exception e =
        assertThrows(
            NativeException.class, () -> new Search(NOWHERE, cache).find(file.toString(), 1));
    assertTrue(String.valueOf(e.getMessage()).contains("another class loader"), e.getMessage());
  }

  @Test
  void prefersPropertyToJar() throws IOException {
    Path file = Files.writeString(cache.resolve("mine.so"), "abc");
    assertEquals(file, new Search(NOWHERE, cache).find(file.toString(), 0));
  }

  @Test
  void property_missingFile_throws() {
    Path missing = cache.resolve("missing.so");
    Exception e =
        assertThrows(
            NativeException.class, () -> new Search(NOWHERE, cache).find(missing.toString(), 0));
    assertTrue(String.valueOf(e.getMessage()).contains(missing.toString()), e.getMessage());
  }

  @Test
  void copiesLibraryOfJarToCacheOnce() throws IOException {
    Path file = new Search(SOMEWHERE, cache).find(null, 0);
    assertEquals(pathOf(ABC), file);
    assertEquals("abc", Files.readString(file));
    FileTime before = Files.getLastModifiedTime(file);
    Files.setLastModifiedTime(file, FileTime.from(before.toInstant().minusSeconds(100)));
    FileTime old = Files.getLastModifiedTime(file);
    assertEquals(file, new Search(SOMEWHERE, cache).find(null, 0));
    assertEquals(old, Files.getLastModifiedTime(file));
  }

  @Test
  void replacesCachedLibraryWithOtherContent() throws IOException {
    Path file = cached(ABC, "abd");
    assertEquals(file, new Search(SOMEWHERE, cache).find(null, 0));
    assertEquals("abc", Files.readString(file));
  }

  /** It may belong to another snapshot of the same version. */
  @Test
  void ignoresCachedLibraryOfNoJar() throws IOException {
    Path file = cached(ABC, "abc");
    assertThrows(NativeException.class, () -> new Search(NOWHERE, cache).find(null, 0));
    assertTrue(Files.exists(file));
  }

  @Test
  void notFound_listsSearchedLocations() {
    Exception e =
        assertThrows(NativeException.class, () -> new Search(NOWHERE, cache).find(null, 0));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("libvidrio for plan9-z80 not found"), message);
    assertTrue(message.contains(NativeLibrary.PROPERTY + ": not set"), message);
    assertTrue(message.contains("META-INF/native/plan9-z80/libvidrio.so"), message);
    assertTrue(message.contains("vidrio-native-<version>-plan9-z80.jar"), message);
    assertTrue(message.contains("to the class path (not the module path)"), message);
  }

  @Test
  void platformNamesAreJarClassifiers() {
    assertEquals(new Platform("linux-x86_64", "libvidrio.so"), platform("Linux", "amd64"));
    assertEquals(new Platform("linux-aarch64", "libvidrio.so"), platform("Linux", "aarch64"));
    assertEquals(new Platform("macos-aarch64", "libvidrio.dylib"), platform("Mac OS X", "aarch64"));
    assertEquals(new Platform("macos-x86_64", "libvidrio.dylib"), platform("Mac OS X", "x86_64"));
    assertEquals(new Platform("windows-x86_64", "vidrio.dll"), platform("Windows 11", "amd64"));
    assertEquals(new Platform("windows-aarch64", "vidrio.dll"), platform("Windows 11", "aarch64"));
    assertEquals(
        new Platform("windows-x86_64", "vidrio.dll"), platform("Windows Server 2025", "x86_64"));
  }

  private Platform platform(String osName, String osArch) {
    return Platform.of(osName, osArch, cache.resolve("none"));
  }

  /** Alpine maps {@code ld-musl-x86_64.so.1}, Void Linux {@code libc.so}. */
  @Test
  void muslIsAPlatformOfItsOwn() throws IOException {
    Path maps = cache.resolve("maps");
    String line = "7f0000000000-7f0000001000 r-xp 00000000 08:01 42                  %s%n";
    for (String library : List.of("/lib/ld-musl-x86_64.so.1", "/usr/lib/libc.so")) {
      Files.writeString(maps, line.formatted("/opt/java/bin/java") + line.formatted(library));
      assertEquals("linux-musl-x86_64", Platform.of("Linux", "amd64", maps).name());
      assertEquals("windows-x86_64", Platform.of("Windows 11", "amd64", maps).name());
    }
    for (String library : List.of("/usr/lib/libc.so.6", "/opt/ld-musl-notes/libzip.so", "")) {
      Files.writeString(maps, line.formatted(library));
      assertEquals("linux-aarch64", Platform.of("Linux", "aarch64", maps).name());
    }
  }
}
