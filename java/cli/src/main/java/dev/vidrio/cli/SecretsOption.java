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

/** The server options for API keys and TLS. */
final class SecretsOption {
  private static final String API_KEY = "VIDRIO_API_KEY";
  private static final String TLS_PASSWORD = "VIDRIO_TLS_PASSWORD";

  @Option(
      names = "--api-key-file",
      paramLabel = "FILE",
      description =
          "File of accepted API keys, one per line; $" + API_KEY + " adds one. Default: no key.")
  private @Nullable Path apiKeyFile;

  @Option(
      names = "--tls-keystore",
      paramLabel = "FILE",
      description =
          "Serve HTTPS with the key and certificates of a PKCS #12 file; $"
              + TLS_PASSWORD
              + " is its password.")
  private @Nullable Path keyStore;

  /** Returns the accepted keys; empty if no key is required. */
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
        throw new CommandException(apiKeyFile + ": contains no API key");
      }
    }
    return keys;
  }

  /** Returns the TLS context of the key store, or null for plain HTTP. */
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
          file
              + ": not a PKCS #12 file, or $"
              + TLS_PASSWORD
              + " is not its password: "
              + e.getMessage(),
          e);
    }
  }
}
