package dev.vidrio.cli;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.InputOutput;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say whom a server answers, and how it proves its name. */
final class SecretsOption {
  private static final String API_KEY = "VIDRIO_API_KEY";
  private static final String TLS_PASSWORD = "VIDRIO_TLS_PASSWORD";

  @Option(
      names = "--api-key-file",
      paramLabel = "FILE",
      description =
          "Keys of which a client must have one, one a line. $" + API_KEY + " is one more.")
  private @Nullable Path apiKeyFile;

  @Option(
      names = "--tls-keystore",
      paramLabel = "FILE",
      description =
          "A PKCS #12 file with the server's key and certificates: HTTPS. $"
              + TLS_PASSWORD
              + " opens it.")
  private @Nullable Path keyStore;

  SecretsOption() {}

  /** The keys; empty where everybody is answered. */
  List<String> apiKeys() {
    List<String> keys = new ArrayList<>();
    String key = System.getenv(API_KEY);
    if (key != null && !key.isBlank()) {
      keys.add(key.strip());
    }
    if (apiKeyFile != null) {
      int before = keys.size();
      InputOutput.read(apiKeyFile)
          .lines()
          .map(String::strip)
          .filter(line -> !line.isEmpty() && !line.startsWith("#"))
          .forEach(keys::add);
      if (keys.size() == before) {
        throw new CommandException(apiKeyFile + ": has no API key");
      }
    }
    return keys;
  }

  /** The context of the key store, or null where HTTP will do. */
  @Nullable SSLContext tls() {
    Path file = keyStore;
    if (file == null) {
      return null;
    }
    String given = System.getenv(TLS_PASSWORD);
    char[] password = given == null ? new char[0] : given.toCharArray();
    try (InputStream in = Files.newInputStream(file)) {
      KeyStore keys = KeyStore.getInstance("PKCS12");
      keys.load(in, password);
      KeyManagerFactory factory =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      factory.init(keys, password);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(factory.getKeyManagers(), null, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new CommandException(file + ": " + e.getMessage(), e);
    } catch (FileSystemException e) {
      throw new CommandException(InputOutput.reason(e), e);
    } catch (IOException e) {
      throw new CommandException(
          file + ": is no PKCS #12 file that $" + TLS_PASSWORD + " opens: " + e.getMessage(), e);
    }
  }
}
