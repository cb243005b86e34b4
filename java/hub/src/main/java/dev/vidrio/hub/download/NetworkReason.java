package dev.vidrio.hub.download;

import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Describes why a connection failed; exceptions of the JDK's client often have no message. */
final class NetworkReason {

  private NetworkReason() {}

  static String of(Throwable failure) {
    for (@Nullable Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof UnresolvedAddressException || cause instanceof UnknownHostException) {
        return "the host name cannot be resolved";
      }
    }
    String detail = failure.getMessage() == null ? "" : ": " + failure.getMessage();
    return switch (failure) {
      case HttpConnectTimeoutException e -> "connection timed out";
      case ConnectException e -> "cannot connect" + detail;
      case SSLException e -> "TLS error" + detail;
      default ->
          "the connection failed"
              + (detail.isEmpty() ? " with " + failure.getClass().getSimpleName() : detail);
    };
  }
}
