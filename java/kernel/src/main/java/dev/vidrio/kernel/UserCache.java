package dev.vidrio.kernel;

import java.nio.file.Path;
import java.util.Map;

/** Where Vidrio keeps files of the user that it can make or fetch again. */
public final class UserCache {
  private UserCache() {}

  /** {@code $VIDRIO_HOME}, else {@code $XDG_CACHE_HOME/vidrio}, else {@code ~/.cache/vidrio}. */
  public static Path root() {
    return root(System.getenv(), Path.of(System.getProperty("user.home", ".")));
  }

  /** The same for another environment and home directory. */
  public static Path root(Map<String, String> environment, Path home) {
    String own = environment.getOrDefault("VIDRIO_HOME", "");
    if (!own.isEmpty()) {
      return Path.of(own).toAbsolutePath();
    }
    String caches = environment.getOrDefault("XDG_CACHE_HOME", "");
    // The XDG specification tells to ignore relative paths.
    Path base =
        !caches.isEmpty() && Path.of(caches).isAbsolute()
            ? Path.of(caches)
            : home.resolve(".cache");
    return base.resolve("vidrio");
  }
}
