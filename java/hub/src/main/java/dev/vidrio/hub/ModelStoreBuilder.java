package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.hub.download.Backoff;
import dev.vidrio.hub.download.HttpSettings;
import dev.vidrio.hub.download.Pip;
import dev.vidrio.hub.file.DiskSpace;
import dev.vidrio.kernel.host.CacheDirectory;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Builds a {@link ModelStore}. Settings that are not set come from the environment. Not
 * thread-safe.
 */
public final class ModelStoreBuilder {

  private static final String HUGGING_FACE = "https://huggingface.co";

  private final Map<String, String> environment;
  private final Path home;
  private @Nullable Path directory;
  private Catalog catalog = Catalog.standard();
  private @Nullable URI endpoint;
  private Optional<String> token;
  private Duration connectTimeout = Duration.ofSeconds(15);
  private Duration idleTimeout = Duration.ofSeconds(60);
  private Backoff backoff = Backoff.EXPONENTIAL;
  private List<List<String>> pipCommands = Pip.COMMANDS;
  private DiskSpace space = DiskSpace.ACTUAL;

  ModelStoreBuilder(Map<String, String> environment, Path home) {
    this.environment = environment;
    this.home = home;
    this.token = variable("HF_TOKEN").map(String::strip);
  }

  /**
   * Sets the directory of the store.
   *
   * @param directory the directory, created by the first pull
   * @return this builder
   */
  public ModelStoreBuilder directory(Path directory) {
    this.directory = directory;
    return this;
  }

  /**
   * Sets the catalog of known names.
   *
   * @param catalog the catalog; default {@link Catalog#standard()}
   * @return this builder
   */
  public ModelStoreBuilder catalog(Catalog catalog) {
    this.catalog = catalog;
    return this;
  }

  /**
   * Sets the root URL of Hugging Face or of a mirror.
   *
   * @param endpoint an HTTP or HTTPS URL
   * @return this builder
   */
  public ModelStoreBuilder endpoint(URI endpoint) {
    this.endpoint = endpoint;
    return this;
  }

  /**
   * Sets the access token for Hugging Face.
   *
   * @param token the token; it is sent to huggingface.co only
   * @return this builder
   */
  public ModelStoreBuilder token(String token) {
    this.token = Optional.of(token);
    return this;
  }

  /**
   * Sets the connect timeout.
   *
   * @param connectTimeout the timeout; default 15 seconds
   * @return this builder
   */
  public ModelStoreBuilder connectTimeout(Duration connectTimeout) {
    this.connectTimeout = connectTimeout;
    return this;
  }

  /**
   * Sets the maximum time without received bytes before a download is retried.
   *
   * @param idleTimeout the timeout; default 60 seconds
   * @return this builder
   */
  public ModelStoreBuilder idleTimeout(Duration idleTimeout) {
    this.idleTimeout = idleTimeout;
    return this;
  }

  ModelStoreBuilder backoff(Backoff backoff) {
    this.backoff = backoff;
    return this;
  }

  ModelStoreBuilder pipCommands(List<List<String>> pipCommands) {
    this.pipCommands = pipCommands;
    return this;
  }

  ModelStoreBuilder diskSpace(DiskSpace space) {
    this.space = space;
    return this;
  }

  /**
   * Creates the store, without file system access.
   *
   * @return the store
   * @throws InvalidInputException if a setting is malformed
   */
  public ModelStore build() {
    if (token.filter(text -> !HttpSettings.isHeaderValue(text)).isPresent()) {
      throw new InvalidInputException("HF_TOKEN", "", "must be printable ASCII on one line");
    }
    HttpSettings http = new HttpSettings(connectTimeout, idleTimeout, backoff, token);
    return new ModelStore(
        directory == null ? defaultDirectory() : directory,
        catalog,
        new Pull.Settings(checkedEndpoint(), http, new Pip(pipCommands), space));
  }

  private Path defaultDirectory() {
    return CacheDirectory.root(environment, home).resolve("models");
  }

  private URI checkedEndpoint() {
    String text =
        endpoint == null ? variable("HF_ENDPOINT").orElse(HUGGING_FACE) : endpoint.toString();
    try {
      URI uri = new URI(text);
      boolean web = "https".equals(uri.getScheme()) || "http".equals(uri.getScheme());
      boolean plain =
          uri.getUserInfo() == null && uri.getQuery() == null && uri.getFragment() == null;
      if (web && plain && uri.getHost() != null) {
        return uri;
      }
    } catch (URISyntaxException e) {
      throw new InvalidInputException("HF_ENDPOINT", text, "is not a URL: " + e.getReason());
    }
    throw new InvalidInputException(
        "HF_ENDPOINT", text, "must be a URL like https://huggingface.co");
  }

  private Optional<String> variable(String name) {
    return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
  }
}
