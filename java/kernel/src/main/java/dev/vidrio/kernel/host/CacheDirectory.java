package dev.vidrio.kernel.host;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** The user's cache directory, for files that Vidrio can build or download again. */
public final class CacheDirectory {
  private CacheDirectory() {}

  /**
   * Returns {@code $VIDRIO_HOME}, else {@code $XDG_CACHE_HOME/vidrio}, else {@code
   * $HOME/.cache/vidrio}. If {@code HOME} is not set, the system property {@code user.home}
   * replaces it.
   */
  public static Path root() {
    return root(System.getenv(), Path.of(System.getProperty("user.home", ".")));
  }

  /** Returns the directory for a given environment and home directory. */
  public static Path root(Map<String, String> environment, Path home) {
    String own = environment.getOrDefault("VIDRIO_HOME", "");
    if (!own.isEmpty()) {
      return Path.of(own).toAbsolutePath();
    }
    return absolute(environment, "XDG_CACHE_HOME")
        .orElseGet(() -> absolute(environment, "HOME").orElse(home).resolve(".cache"))
        .resolve("vidrio");
  }

  /** Returns an absolute path from the environment; the XDG specification ignores relative ones. */
  private static Optional<Path> absolute(Map<String, String> environment, String name) {
    String path = environment.getOrDefault(name, "");
    return Optional.of(Path.of(path)).filter(Path::isAbsolute);
  }
}
