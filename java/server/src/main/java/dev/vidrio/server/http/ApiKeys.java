package dev.vidrio.server.http;

import dev.vidrio.kernel.host.Sha256;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The accepted API keys. Only SHA-256 digests are kept, and each is compared in constant time, so
 * that response times reveal nothing about the keys.
 */
final class ApiKeys {
  private static final String SCHEME = "Bearer ";

  private final List<byte[]> digests;

  ApiKeys(List<String> keys) {
    this.digests = keys.stream().map(ApiKeys::digest).toList();
  }

  /** Returns whether requests need a key. */
  boolean areRequired() {
    return !digests.isEmpty();
  }

  /**
   * Returns the tenant of a request: a prefix of its key's digest, or an empty string if no key is
   * required. Requests with the same key have the same tenant.
   *
   * @param authorization the header {@code Authorization}, or null
   * @param apiKey the header {@code x-api-key}, which is read if there is no other; or null
   * @throws ApiException 401 if a key is required and the header has none, or an unknown one
   */
  String tenant(@Nullable String authorization, @Nullable String apiKey) {
    if (digests.isEmpty()) {
      return "";
    }
    if (authorization == null && apiKey != null) {
      return known("x-api-key", apiKey);
    }
    if (authorization == null
        || !authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      throw ApiException.unauthorized(
          "header Authorization: must be 'Bearer' followed by an API key");
    }
    return known("Authorization", authorization.substring(SCHEME.length()));
  }

  private String known(String header, String key) {
    byte[] given = digest(key.strip());
    boolean known = false;
    for (byte[] digest : digests) {
      known |= MessageDigest.isEqual(digest, given);
    }
    if (!known) {
      throw ApiException.unauthorized("header " + header + ": invalid API key");
    }
    return HexFormat.of().formatHex(given, 0, 8);
  }

  private static byte[] digest(String key) {
    return Sha256.newDigest().digest(key.getBytes(StandardCharsets.UTF_8));
  }
}
