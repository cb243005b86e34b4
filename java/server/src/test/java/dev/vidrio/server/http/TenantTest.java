package dev.vidrio.server.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** Cached prefixes belong to an API key, in memory and on disk. */
@Timeout(60)
class TenantTest {
  private static final String QUESTION =
      "{\"model\":\"bard\",\"max_tokens\":1,\"prompt\":\""
          + "To be, or not to be. ".repeat(20)
          + "\"}";

  @TempDir private Path directory;

  private static int cachedTokens(TestServer server, String key) {
    HttpResponse<String> response =
        server.send(
            server
                .jsonRequest("/v1/completions", QUESTION)
                .header("Authorization", "Bearer " + key)
                .build());
    return JsonMapper.shared()
        .readTree(response.body())
        .path("usage")
        .path("prompt_tokens_details")
        .path("cached_tokens")
        .intValue();
  }

  private TestServer start() {
    return TestServer.start(
        options ->
            options
                .withApiKeys(List.of("one", "two"))
                .withEngine(options.engine().withCacheDirectory(directory, 1 << 24)));
  }

  @Test
  void otherKeysDoNotShareCachedPrefixes() {
    try (TestServer server = start()) {
      assertEquals(0, cachedTokens(server, "one"));
      assertEquals(0, cachedTokens(server, "two"));
      assertNotEquals(0, cachedTokens(server, "one"));
    }
  }

  @Test
  void otherKeysDoNotShareFiles() {
    try (TestServer server = start()) {
      assertEquals(0, cachedTokens(server, "one"));
    }
    try (TestServer server = start()) {
      assertEquals(0, cachedTokens(server, "two"));
      assertNotEquals(0, cachedTokens(server, "one"));
    }
  }

  @Test
  void tenantsDoNotRevealKeys() {
    var keys = new ApiKeys(List.of("one", "two"));
    String tenant = keys.tenant("Bearer one", null);
    assertEquals(tenant, keys.tenant(null, "one"));
    assertNotEquals(tenant, keys.tenant("Bearer two", null));
    assertEquals("7692c3ad3540bb80", tenant); // sha256sum of "one"
  }
}
