package dev.vidrio.hub;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/** A loopback HTTP server with scripted responses. */
final class FileServer implements AutoCloseable {

  /** Responds to a request. */
  @FunctionalInterface
  interface Answer {
    void to(HttpExchange exchange, int request) throws IOException;
  }

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final List<Headers> requests = new CopyOnWriteArrayList<>();

  /** Starts a server; {@code answer} receives each request and its number, from 0. */
  FileServer(Answer answer) throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext(
        "/",
        exchange -> {
          int number;
          synchronized (requests) {
            number = requests.size();
            requests.add(exchange.getRequestHeaders());
          }
          try (exchange) {
            answer.to(exchange, number);
          }
        });
    server.start();
  }

  URI uri() {
    return URI.create(
        "http://" + server.getAddress().getHostString() + ":" + server.getAddress().getPort());
  }

  /** Returns the headers of the requests so far. */
  List<Headers> requests() {
    return requests;
  }

  /** Serves a file with support for ranges. */
  static void serve(HttpExchange exchange, byte[] file, String etag) throws IOException {
    Headers request = exchange.getRequestHeaders();
    boolean same = etag.equals(request.getFirst("If-Range"));
    serve(exchange, file, etag, same ? request.getFirst("Range") : null);
  }

  /** Serves a range of a file, or the whole file if no range is requested. */
  static void serve(HttpExchange exchange, byte[] file, String etag, @Nullable String range)
      throws IOException {
    exchange.getResponseHeaders().set("ETag", etag);
    if (range == null) {
      exchange.sendResponseHeaders(200, file.length);
      exchange.getResponseBody().write(file);
      return;
    }
    int start = Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
    if (start >= file.length) {
      exchange.getResponseHeaders().set("Content-Range", "bytes */" + file.length);
      exchange.sendResponseHeaders(416, -1);
      return;
    }
    exchange
        .getResponseHeaders()
        .set("Content-Range", "bytes " + start + "-" + (file.length - 1) + "/" + file.length);
    exchange.sendResponseHeaders(206, file.length - start);
    exchange.getResponseBody().write(Arrays.copyOfRange(file, start, file.length));
  }

  /** Declares a whole file and drops the connection after its first bytes. */
  static void cut(HttpExchange exchange, byte[] file, int bytes, String etag) throws IOException {
    exchange.getResponseHeaders().set("ETag", etag);
    exchange.sendResponseHeaders(200, file.length);
    exchange.getResponseBody().write(file, 0, bytes);
    exchange.getResponseBody().flush();
  }

  /** Declares a whole file, sends its first bytes, and stalls until the latch opens. */
  static void stall(HttpExchange exchange, byte[] file, int bytes, CountDownLatch end)
      throws IOException {
    exchange.sendResponseHeaders(200, file.length);
    exchange.getResponseBody().write(file, 0, bytes);
    exchange.getResponseBody().flush();
    try {
      end.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Responds with a status and no body. */
  static void status(HttpExchange exchange, int status) throws IOException {
    exchange.sendResponseHeaders(status, -1);
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
