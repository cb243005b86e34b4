package dev.vidrio.hub.download;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HttpSettingsTest {

  private static final HttpSettings SETTINGS =
      new HttpSettings(
          Duration.ofSeconds(1), Duration.ofSeconds(1), Backoff.EXPONENTIAL, Optional.of("hf_x"));

  @ParameterizedTest
  @ValueSource(
      strings = {"https://huggingface.co/o/r/resolve/main/f", "https://huggingface.co:443/f"})
  void sendsTokenToHuggingFace(String uri) {
    assertEquals(Optional.of("Bearer hf_x"), SETTINGS.authorization(URI.create(uri)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://huggingface.co/f",
        "https://huggingface.co:8443/f",
        "https://cdn-lfs.huggingface.co/f",
        "https://huggingface.co.example/f",
        "https://huggingface.co@example.org/f",
        "https://example.org/huggingface.co/f",
        "https://localhost/f"
      })
  void sendsTokenNowhereElse(String uri) {
    assertEquals(Optional.empty(), SETTINGS.authorization(URI.create(uri)));
  }

  @Test
  void sendsNoHeaderWithoutToken() {
    HttpSettings without =
        new HttpSettings(
            Duration.ofSeconds(1), Duration.ofSeconds(1), Backoff.EXPONENTIAL, Optional.empty());
    assertEquals(Optional.empty(), without.authorization(URI.create("https://huggingface.co/f")));
  }
}
