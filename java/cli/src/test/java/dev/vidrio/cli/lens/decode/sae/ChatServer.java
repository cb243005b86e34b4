package dev.vidrio.cli.lens.decode.sae;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A loopback server with scripted answers to chats. */
final class ChatServer implements AutoCloseable {
  /** Responds to a request. */
  @FunctionalInterface
  interface Answer {
    void to(HttpExchange exchange, JsonNode request, int number) throws IOException;
  }

  private final HttpServer server;
  private final List<JsonNode> requests = new CopyOnWriteArrayList<>();
  private final List<String> keys = new CopyOnWriteArrayList<>();

  /** Starts a server; {@code answer} receives each chat and its number, from 0. */
  ChatServer(Answer answer) throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/v1/models",
        exchange -> {
          try (exchange) {
            send(exchange, 200, Map.of("data", List.of(Map.of("id", "reader"))));
          }
        });
    server.createContext(
        "/v1/chat/completions",
        exchange -> {
          try (exchange) {
            JsonNode request = JsonMapper.shared().readTree(exchange.getRequestBody());
            keys.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
            requests.add(request);
            answer.to(exchange, request, requests.size() - 1);
          }
        });
    server.start();
  }

  /** Starts a server that answers the last message of each chat. */
  static ChatServer answering(Function<String, String> answers) throws IOException {
    return new ChatServer(
        (exchange, request, number) -> {
          JsonNode messages = request.get("messages");
          String last = messages.get(messages.size() - 1).get("content").stringValue();
          message(exchange, answers.apply(last));
        });
  }

  static void message(HttpExchange exchange, String content) throws IOException {
    send(
        exchange,
        200,
        Map.of(
            "choices",
            List.of(Map.of("message", Map.of("role", "assistant", "content", content)))));
  }

  static void send(HttpExchange exchange, int status, Object json) throws IOException {
    byte[] body = JsonMapper.shared().writeValueAsString(json).getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
  }

  String url() {
    return "http://%s:%d"
        .formatted(server.getAddress().getHostString(), server.getAddress().getPort());
  }

  /** Returns the chats so far. */
  List<JsonNode> requests() {
    return requests;
  }

  /** Returns the Authorization headers of the chats so far. */
  List<String> keys() {
    return keys;
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
