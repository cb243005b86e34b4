package dev.vidrio.server.testserver;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/** A raw connection: a test controls when it sends, reads and closes. */
public final class RawClient implements AutoCloseable {
  private final Socket socket = new Socket();

  public RawClient(URI server, int receiveBuffer) throws IOException {
    socket.setReceiveBufferSize(receiveBuffer);
    socket.setSoTimeout(60_000);
    socket.connect(new InetSocketAddress(server.getHost(), server.getPort()));
  }

  public RawClient(URI server) throws IOException {
    this(server, 1 << 16);
  }

  /** Sends text. */
  public RawClient send(String text) throws IOException {
    return send(text.getBytes(StandardCharsets.UTF_8));
  }

  public RawClient send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    socket.getOutputStream().flush();
    return this;
  }

  /** Sends a request with a JSON body, with single quotes instead of double quotes. */
  public RawClient post(String path, String json) throws IOException {
    byte[] body = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    send(
        "POST "
            + path
            + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
            + body.length
            + "\r\n\r\n");
    return send(body);
  }

  /** Reads until a text is received, and returns everything up to its end. */
  public String readUntil(String text) throws IOException {
    InputStream in = socket.getInputStream();
    byte[] end = text.getBytes(StandardCharsets.UTF_8);
    var read = new ByteArrayOutputStream();
    // Number of matched bytes; no text contains its own beginning again.
    int matched = 0;
    while (matched < end.length) {
      int b = in.read();
      if (b < 0) {
        throw new IOException("ended after: " + read.toString(StandardCharsets.UTF_8));
      }
      read.write(b);
      matched = b == end[matched] ? matched + 1 : b == end[0] ? 1 : 0;
    }
    return read.toString(StandardCharsets.UTF_8);
  }

  /** Half-closes the connection; reading is still possible. */
  public void endSending() throws IOException {
    socket.shutdownOutput();
  }

  /** Reads at most a number of bytes, as long as each read succeeds within a timeout. */
  public void readSome(int bytes, int patienceMillis) throws IOException {
    socket.setSoTimeout(patienceMillis);
    try {
      var _ = socket.getInputStream().readNBytes(bytes);
    } catch (SocketTimeoutException e) {
      // enough
    }
  }

  /** Reads until the server closes the connection. */
  public String readAll() throws IOException {
    return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  /** Closes with a reset, like a killed process. */
  public void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
