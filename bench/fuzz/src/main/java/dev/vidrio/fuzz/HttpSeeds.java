package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;

/** Seeds of {@link HttpHarness}. */
final class HttpSeeds {
  private static final String HOST = "Host: localhost\r\n";
  private static final String JSON = HOST + "Content-Type: application/json\r\n";
  private static final String KEY = "Authorization: Bearer " + TinyServers.KEY + "\r\n";
  private static final String ORIGIN = "Origin: " + TinyServers.ORIGIN + "\r\n";
  private static final String TEXT = "{\"model\":\"tiny\",\"text\":\"a\"}";

  private HttpSeeds() {}

  /** Returns connections with every kind of request; the first byte selects the server. */
  static List<byte[]> all() {
    List<String> seeds = new ArrayList<>();
    seeds.addAll(reads());
    seeds.addAll(posts());
    seeds.addAll(errors());
    seeds.addAll(keys());
    return seeds.stream().map(seed -> seed.getBytes(UTF_8)).toList();
  }

  private static String get(String path, String headers) {
    return "GET " + path + " HTTP/1.1\r\n" + HOST + headers + "\r\n";
  }

  private static String post(String path, String headers, String body) {
    return ("POST " + path + " HTTP/1.1\r\n" + headers)
        + ("Content-Length: " + body.getBytes(UTF_8).length + "\r\n\r\n" + body);
  }

  private static String json(String path, String body) {
    return post(path, JSON, body);
  }

  private static String chunked(String path, String body) {
    return ("POST " + path + " HTTP/1.1\r\n" + JSON + "Transfer-Encoding: chunked\r\n\r\n")
        + ("3\r\n" + body.substring(0, 3) + "\r\n")
        + (Integer.toHexString(body.length() - 3) + ";x=y\r\n" + body.substring(3) + "\r\n")
        + "0\r\n\r\n";
  }

  private static List<String> reads() {
    return List.of(
        "-" + get("/health", "") + get("/ready", "x-request-id: a.b_c:1-2\r\n") + get("/", ""),
        "-" + get("/v1/models", "") + get("/v1/models/tiny", "anthropic-version: 1\r\n"),
        "-" + get("/v1/models/none", "") + get("/models", "") + get("/v1/v1/models/", ""),
        "-" + get("/metrics", "") + get("/window/api.js", "x-request-id: ?\r\n"),
        "-" + get("/openapi.json?x=%00", "") + get("/%2e%2e/%0a%c3%a9", "Connection: close\r\n"),
        "-HEAD /health HTTP/1.1\r\n" + HOST + "\r\n" + get("/api/version", ""),
        "-\r\n\r\nGET /api/tags HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "-GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n" + get("/health", ""));
  }

  /** Returns requests with bodies; other harnesses change the fields of bodies. */
  private static List<String> posts() {
    return List.of(
        "-" + json("/tokenize", TEXT) + json("/detokenize", "{\"tokens\":[1,2]}"),
        "-" + chunked("/tokenize", TEXT) + get("/health", ""),
        "-" + post("/tokenize", JSON + "Expect: 100-continue\r\n", TEXT) + get("/health", ""),
        "-" + json("/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":1,\"stream\":true}"),
        "-" + json("/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":1}"),
        "-" + json("/completion", "{\"prompt\":[\"a\",\"b\"],\"n_predict\":1}"),
        "-" + json("/v1/chat/completions", "{\"messages\":[{\"role\":\"x\",\"content\":\"a\"}]}"),
        "-" + json("/v1/messages/x", "{}") + json("/v1/messages", "{\"max_tokens\":[1]}"),
        "-" + json("/api/generate", "{\"model\":\"tiny\",\"prompt\":\"a\",\"raw\":true}"),
        "-" + json("/api/pull", "{\"model\":\"tiny\"}") + json("/api/show", "{\"name\":\"tiny\"}"));
  }

  private static List<String> errors() {
    String large = "{\"text\":\"" + "a".repeat(TinyServers.BODY_LIMIT) + "\"}";
    return List.of(
        "-" + post("/tokenize", HOST + "Content-Type: text/plain; charset=x\r\n", TEXT),
        "-" + post("/tokenize", HOST, TEXT) + json("/tokenize", "") + json("/tokenize", "[]"),
        "-" + post("/tokenize", JSON + "Content-Encoding: gzip\r\n", TEXT),
        "-" + post("/tokenize", JSON + "Content-Encoding: identity\r\n", TEXT),
        "-" + json("/tokenize", "{\"model\":\"none\"}") + json("/tokenize", "{\"text\":1,}"),
        "-" + json("/tokenize", "{\"text\":\"\\ud800\"}") + json("/tokenize", "{\"x\":[[1e99]]}"),
        "-" + json("/tokenize", large) + get("/health", ""),
        "-" + json("/v1/messages", large),
        "-PUT /health HTTP/1.1\r\n" + HOST + "\r\nDELETE / HTTP/1.1\r\n\r\n",
        "-POST /tokenize HTTP/1.1\r\n" + JSON + "Content-Length: +5\r\n\r\n12345" + get("/", ""),
        "-POST /tokenize HTTP/1.1\r\n" + JSON + "Content-Length: 99\r\n\r\n{}",
        "-POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" + get("/", ""),
        "-POST /a HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + get("/", ""),
        "-POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000001b\r\n" + get("/", ""),
        "-GET / HTTP/1.1\r\nX : a\r\n\r\n" + get("/", ""),
        "-GET /health HTTP/1.1\nContent-Length: 5\r\n\r\n" + get("/health", ""),
        "-G@T /health HTTP/1.1\r\n\r\n" + get("/health", ""),
        "-GET /health HTTP/1.1\nHost: a\n\n" + get("/health", ""),
        "-GET /health HTTP/1.1\r\nX: a\r\n b\r\n\tc\r\n\r\n",
        "-GET mailto:a HTTP/1.1\r\n\r\n",
        "-GET http://localhost/health HTTP/1.1\r\n\r\n",
        "-OPTIONS * HTTP/1.1\r\n\r\n",
        "-\u0016\u0003\u0001",
        "-" + get("/v1/models", "Origin: http://evil.example\r\n"),
        "-" + get("/v1/models", "Origin: http://localhost:3000\r\n"),
        "-GET /v1/models HTTP/1.1\r\nHost: evil.example:80\r\n\r\n",
        "-GET /v1/models HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
  }

  private static List<String> keys() {
    String preflight = "Access-Control-Request-Headers: content-type\r\n";
    return List.of(
        "k" + get("/health", "") + get("/v1/models", ""),
        "k" + get("/v1/models", KEY) + get("/v1/models", "x-api-key: sesame\r\n"),
        "k" + get("/v1/models", "Authorization: Basic a\r\n") + get("/metrics", KEY),
        "k" + get("/v1/messages", "x-api-key: wrong\r\n") + get("/api/tags", ORIGIN + KEY),
        "kOPTIONS /v1/models HTTP/1.1\r\n" + HOST + ORIGIN + preflight + "\r\n",
        "kOPTIONS /v1/models HTTP/1.1\r\n" + HOST + ORIGIN + "\r\n" + get("/health", ""),
        "k" + post("/tokenize", JSON + KEY + ORIGIN, TEXT) + get("/health", "Origin: null\r\n"));
  }
}
