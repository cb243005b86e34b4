package dev.vidrio.kernel.ffm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * An operating system and processor architecture for which a native library is built.
 *
 * @param name the classifier of the jar: {@code linux-x86_64}
 * @param libraryName file name of the library on the platform
 */
public record Platform(String name, String libraryName) {

  /** Returns the platform of this JVM. */
  public static Platform current() {
    return of(
        System.getProperty("os.name", ""),
        System.getProperty("os.arch", ""),
        Path.of("/proc/self/maps"));
  }

  /**
   * Returns a platform.
   *
   * @param maps on Linux, the list of files that a process has mapped, which names its C library
   */
  static Platform of(String osName, String osArch, Path maps) {
    String os = osName.toLowerCase(Locale.ROOT);
    String arch =
        switch (osArch.toLowerCase(Locale.ROOT)) {
          case "amd64", "x86_64" -> "x86_64";
          case "arm64", "aarch64" -> "aarch64";
          default -> osArch.toLowerCase(Locale.ROOT);
        };
    if (os.startsWith("windows")) {
      return new Platform("windows-" + arch, "vidrio.dll");
    }
    if (os.startsWith("mac")) {
      return new Platform("macos-" + arch, "libvidrio.dylib");
    }
    if (os.equals("linux") && listsMusl(maps)) {
      return new Platform("linux-musl-" + arch, "libvidrio.so");
    }
    return new Platform(os + "-" + arch, "libvidrio.so");
  }

  /** Returns whether musl is the C library; that of glibc is named {@code libc.so.6}. */
  private static boolean listsMusl(Path maps) {
    try (Stream<String> lines = Files.lines(maps, StandardCharsets.ISO_8859_1)) {
      return lines.anyMatch(line -> line.matches(".*/(ld-musl-[^/]*|libc\\.so)"));
    } catch (IOException | UncheckedIOException e) {
      return false;
    }
  }

  /** Returns the resource name of the library in its jar. */
  String resource() {
    return "META-INF/native/" + name + "/" + libraryName;
  }
}
