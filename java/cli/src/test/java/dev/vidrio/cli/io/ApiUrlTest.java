package dev.vidrio.cli.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.URI;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ApiUrlTest {
  @ParameterizedTest
  @CsvSource({
    "http://127.0.0.1:8080, http://127.0.0.1:8080/v1",
    "http://127.0.0.1:8080/, http://127.0.0.1:8080/v1",
    "https://host/v1/, https://host/v1",
    "https://[::1]:443/openai/v1, https://[::1]:443/openai/v1",
  })
  void addsPathIfThereIsNone(String url, String base) {
    ApiUrl parsed = ApiUrl.parse(url);
    assertEquals(base, parsed.toString());
    assertEquals(URI.create(base + "/models"), parsed.resolve("/models"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "here",
        "localhost:8080",
        "ftp://host",
        "http:host",
        "http://",
        "http://:8080",
        "http://my_host",
        "http://host:65536",
        "http://host/v1?key=a",
        "http://host/#a",
        "http://host/a b",
      })
  void rejectsOtherAddresses(String url) {
    String message = assertThrows(UsageException.class, () -> ApiUrl.parse(url)).getMessage();
    assertEquals(
        "--url "
            + url
            + ": must be like http://127.0.0.1:8080, or with a path, like"
            + " http://127.0.0.1:8080/v1",
        message);
  }
}
