package dev.vidrio.fuzz;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpPrincipal;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import org.jspecify.annotations.Nullable;

/** A request with a body of JSON, and its response, in memory. */
final class MemoryExchange extends HttpExchange {
  private final String method;
  private final URI path;
  private final InputStream body;
  private final Headers headers = new Headers();
  private final Headers responseHeaders = new Headers();
  private final ByteArrayOutputStream response = new ByteArrayOutputStream();
  private int status;

  MemoryExchange(String method, String path, byte[] body) {
    this.method = method;
    this.path = URI.create(path);
    this.body = new ByteArrayInputStream(body);
    headers.set("Content-Type", "application/json");
  }

  /** Returns the body of the response. */
  byte[] response() {
    return response.toByteArray();
  }

  @Override
  public Headers getRequestHeaders() {
    return headers;
  }

  @Override
  public Headers getResponseHeaders() {
    return responseHeaders;
  }

  @Override
  public URI getRequestURI() {
    return path;
  }

  @Override
  public String getRequestMethod() {
    return method;
  }

  @Override
  public HttpContext getHttpContext() {
    throw new UnsupportedOperationException("no context");
  }

  @Override
  public void close() {}

  @Override
  public InputStream getRequestBody() {
    return body;
  }

  @Override
  public OutputStream getResponseBody() {
    return response;
  }

  @Override
  public void sendResponseHeaders(int code, long length) {
    status = code;
  }

  @Override
  public InetSocketAddress getRemoteAddress() {
    return getLocalAddress();
  }

  @Override
  public int getResponseCode() {
    return status;
  }

  @Override
  public InetSocketAddress getLocalAddress() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);
  }

  @Override
  public String getProtocol() {
    return "HTTP/1.1";
  }

  @Override
  public @Nullable Object getAttribute(String name) {
    return null;
  }

  @Override
  public void setAttribute(String name, @Nullable Object value) {}

  @Override
  public void setStreams(@Nullable InputStream in, @Nullable OutputStream out) {}

  @Override
  public @Nullable HttpPrincipal getPrincipal() {
    return null;
  }
}
