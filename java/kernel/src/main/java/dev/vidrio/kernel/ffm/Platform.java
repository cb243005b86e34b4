package dev.vidrio.kernel.ffm;

import java.util.Locale;

/**
 * An operating system and processor architecture for which a native library is built.
 *
 * @param name the classifier of the jar: {@code linux-x86_64}
 * @param libraryName file name of the library on the platform
 */
public record Platform(String name, String libraryName) {

  /** Returns the platform of this JVM. */
  public static Platform current() {
    return of(System.getProperty("os.name", ""), System.getProperty("os.arch", ""));
  }

  static Platform of(String osName, String osArch) {
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
    return new Platform(os + "-" + arch, "libvidrio.so");
  }

  /** Returns the resource name of the library in its jar. */
  String resource() {
    return "META-INF/native/" + name + "/" + libraryName;
  }
}
