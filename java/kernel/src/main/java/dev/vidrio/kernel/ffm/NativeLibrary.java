package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.kernel.host.CacheDirectory;
import dev.vidrio.kernel.host.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.util.HexFormat;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Finds and loads libvidrio, once per class loader, from the first of:
 *
 * <ol>
 *   <li>the file that the system property {@value #PROPERTY} names;
 *   <li>the jar of this platform on the class path ({@code vidrio-native-…-linux-x86_64.jar}), from
 *       which it is copied to the user's cache, {@code <cache>/native/<version>/<SHA-256>/}, unless
 *       it is there.
 * </ol>
 *
 * Nothing is downloaded. A cached file is loaded only if a jar names its SHA-256, since a version
 * such as a snapshot may have had other contents. A JVM loads a file for one class loader only; if
 * several class loaders have Vidrio, as in an application server, each loads its own copy, {@code
 * …/<SHA-256>/1/} and so on.
 */
public final class NativeLibrary {
  /** The system property for the path of the library. */
  public static final String PROPERTY = "vidrio.library.path";

  private static @Nullable Path loaded;

  private NativeLibrary() {}

  /**
   * Loads the library if it is not loaded yet.
   *
   * @return the loaded file
   * @throws NativeException if the library is not found or cannot be loaded; the message lists the
   *     searched locations
   */
  public static synchronized Path load() {
    Path path = loaded;
    if (path == null) {
      Search search = search();
      String property = System.getProperty(PROPERTY);
      int copy = 0;
      do {
        path = search.find(property, copy++);
      } while (!link(path));
      loaded = path;
    }
    return path;
  }

  /** Initializes the bindings. Their layouts need native access too. */
  private static Search search() {
    try {
      return new Search(Platform.current(), CacheDirectory.root());
    } catch (ExceptionInInitializerError e) {
      if (e.getCause() instanceof IllegalCallerException denied) {
        throw denied(denied);
      }
      throw e;
    }
  }

  private static NativeException denied(IllegalCallerException e) {
    return new NativeException(
        "Vidrio has no native access. Start java with"
            + " --enable-native-access=dev.vidrio.bindings,dev.vidrio.kernel (ALL-UNNAMED if"
            + " Vidrio is on the class path)",
        e);
  }

  /** Loads a file; returns false if another class loader has loaded it. */
  @SuppressWarnings("restricted") // this class loads native code
  private static boolean link(Path path) {
    try {
      System.load(path.toString());
    } catch (UnsatisfiedLinkError e) {
      String reason = String.valueOf(e.getMessage());
      if (reason.endsWith("already loaded in another classloader")) {
        return false;
      }
      throw new NativeException(
          "libvidrio cannot be loaded: "
              + reason
              + ". If that directory is mounted noexec, set VIDRIO_HOME to another one, or "
              + PROPERTY
              + " to the path of a library elsewhere",
          e);
    } catch (IllegalCallerException e) {
      throw denied(e);
    }
    String library = Vidrio.vd_version().getString(0);
    String bindings = Vidrio.VD_VERSION().getString(0);
    if (!library.equals(bindings)) {
      throw new NativeException(path + " has version " + library + "; required: " + bindings);
    }
    return true;
  }

  /** A search for the library; apart from loading, which a class loader can do only once. */
  static final class Search {
    private final Platform platform;
    private final Path directory;

    Search(Platform platform, Path cacheRoot) {
      this.platform = platform;
      this.directory =
          cacheRoot.resolve("native").resolve(Vidrio.VD_VERSION().getString(0)).toAbsolutePath();
    }

    /**
     * Finds a library.
     *
     * @param copy number of copies that other class loaders have loaded
     */
    Path find(@Nullable String property, int copy) {
      if (property != null) {
        return named(Path.of(property).toAbsolutePath(), copy);
      }
      String digest = digestInJar().orElseThrow(this::notFound);
      Path path =
          directory
              .resolve(digest)
              .resolve(copy == 0 ? "" : Integer.toString(copy))
              .resolve(platform.libraryName());
      return Files.isRegularFile(path) && digest.equals(sha256(path))
          ? path
          : extract(digest, path);
    }

    private static Path named(Path path, int copy) {
      if (!Files.isRegularFile(path)) {
        throw new NativeException(PROPERTY + ": " + path + " is not a file");
      }
      if (copy > 0) {
        throw new NativeException(
            PROPERTY
                + " names "
                + path
                + ", which another class loader of this process has loaded. Remove the property,"
                + " so that each class loader loads its own copy");
      }
      return path;
    }

    private Optional<String> digestInJar() {
      String resource = platform.resource() + ".sha256";
      try (InputStream in = open(resource)) {
        if (in == null) {
          return Optional.empty();
        }
        String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII).strip();
        if (!text.matches("[0-9a-f]{64}")) {
          throw new NativeException(resource + " does not contain a SHA-256");
        }
        return Optional.of(text);
      } catch (IOException e) {
        throw new NativeException(resource + " cannot be read: " + e.getMessage(), e);
      }
    }

    /**
     * Copies the library through a temporary file, since another process may do so concurrently.
     */
    private Path extract(String digest, Path target) {
      Path temporary = null;
      try (InputStream in = open(platform.resource())) {
        if (in == null) {
          throw new NativeException(platform.resource() + " not found next to its SHA-256");
        }
        Files.createDirectories(target.getParent());
        temporary = Files.createTempFile(target.getParent(), "libvidrio", ".part");
        Files.copy(in, temporary, StandardCopyOption.REPLACE_EXISTING);
        if (!digest.equals(sha256(temporary))) {
          throw new NativeException(platform.resource() + " does not have the SHA-256 " + digest);
        }
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        return target;
      } catch (IOException e) {
        throw new NativeException(
            "libvidrio cannot be copied to "
                + target
                + ": "
                + e
                + ". Set VIDRIO_HOME to a"
                + " writable directory, or "
                + PROPERTY
                + " to the path of the library",
            e);
      } finally {
        delete(temporary);
      }
    }

    private NativeException notFound() {
      return new NativeException(
          "libvidrio for "
              + platform.name()
              + " not found. Searched:\n  system property "
              + PROPERTY
              + ": not set\n  class path: no "
              + platform.resource()
              + "\nAdd vidrio-native-<version>-"
              + platform.name()
              + ".jar (artifact vidrio-native, classifier "
              + platform.name()
              + ") to the class path (not the module path), or pass the path of a"
              + " library by -D"
              + PROPERTY
              + "=<file>");
    }

    private static @Nullable InputStream open(String resource) {
      InputStream in = NativeLibrary.class.getClassLoader().getResourceAsStream(resource);
      return in != null ? in : ClassLoader.getSystemResourceAsStream(resource);
    }

    private static void delete(@Nullable Path temporary) {
      if (temporary != null) {
        try {
          Files.deleteIfExists(temporary);
        } catch (IOException e) {
          System.getLogger(NativeLibrary.class.getName())
              .log(System.Logger.Level.WARNING, "cannot delete {0}: {1}", temporary, e);
        }
      }
    }

    private static String sha256(Path path) {
      try (var in = new DigestInputStream(Files.newInputStream(path), Sha256.newDigest())) {
        in.transferTo(OutputStream.nullOutputStream());
        return HexFormat.of().formatHex(in.getMessageDigest().digest());
      } catch (IOException e) {
        throw new NativeException(path + " cannot be read: " + e.getMessage(), e);
      }
    }
  }
}
