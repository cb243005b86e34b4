package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.hub.download.Backoff;
import dev.vidrio.hub.download.HttpSettings;
import dev.vidrio.hub.download.Pip;
import dev.vidrio.hub.file.DiskSpace;
import dev.vidrio.kernel.UserCache;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Builds a {@link ModelStore}. Values that are not set come from the environment. */
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
   * Sets the directory of the store itself.
   *
   * @param directory created by the first pull
   * @return this
   */
  public ModelStoreBuilder directory(Path directory) {
    this.directory = directory;
    return this;
  }

  /**
   * Sets the names that are known.
   *
   * @param catalog the catalogue; the standard one unless set
   * @return this
   */
  public ModelStoreBuilder catalog(Catalog catalog) {
    this.catalog = catalog;
    return this;
  }

  /**
   * Sets the root of Hugging Face or of a mirror.
   *
   * @param endpoint an http or https address
   * @return this
   */
  public ModelStoreBuilder endpoint(URI endpoint) {
    this.endpoint = endpoint;
    return this;
  }

  /**
   * Sets the access token for Hugging Face.
   *
   * @param token the token; it is sent to huggingface.co alone
   * @return this
   */
  public ModelStoreBuilder token(String token) {
    this.token = Optional.of(token);
    return this;
  }

  /**
   * Sets the longest time that a connection may take.
   *
   * @param connectTimeout 15 seconds unless set
   * @return this
   */
  public ModelStoreBuilder connectTimeout(Duration connectTimeout) {
    this.connectTimeout = connectTimeout;
    return this;
  }

  /**
   * Sets the longest time without a byte before a download is tried again.
   *
   * @param idleTimeout 60 seconds unless set
   * @return this
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
   * Makes the store. Nothing is created on the disk yet.
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
    return UserCache.root(environment, home).resolve("models");
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
      throw new InvalidInputException("HF_ENDPOINT", text, "is no address: " + e.getReason());
    }
    throw new InvalidInputException("HF_ENDPOINT", text, "must be like https://huggingface.co");
  }

  private Optional<String> variable(String name) {
    return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
  }
}
