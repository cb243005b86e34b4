package dev.vidrio.server.http;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The keys that clients may have. Only their digests are kept, and every one is compared in full,
 * so that the time of an answer tells nothing of them.
 */
final class ApiKeys {
  private static final String SCHEME = "Bearer ";

  private final List<byte[]> digests;

  ApiKeys(List<String> keys) {
    this.digests = keys.stream().map(ApiKeys::digest).toList();
  }

  boolean areRequired() {
    return !digests.isEmpty();
  }

  /**
   * Who asks, as a text that is the same for the same key and tells nothing of it; empty where no
   * key is required.
   *
   * @param authorization the header, or null
   */
  String tenant(@Nullable String authorization) {
    if (digests.isEmpty()) {
      return "";
    }
    if (authorization == null
        || !authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      throw ApiException.unauthorized("header Authorization: must be 'Bearer' and an API key");
    }
    byte[] given = digest(authorization.substring(SCHEME.length()).strip());
    boolean known = false;
    for (byte[] digest : digests) {
      known |= MessageDigest.isEqual(digest, given);
    }
    if (!known) {
      throw ApiException.unauthorized("header Authorization: this API key is not known here");
    }
    return HexFormat.of().formatHex(given, 0, 8);
  }

  private static byte[] digest(String key) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
