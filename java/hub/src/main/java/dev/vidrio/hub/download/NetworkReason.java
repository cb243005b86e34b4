package dev.vidrio.hub.download;

import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Says in words why a connection failed; the JDK's client often leaves the message out. */
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
      case HttpConnectTimeoutException e -> "connecting took too long";
      case ConnectException e -> "cannot connect" + detail;
      case SSLException e -> "no secure connection" + detail;
      default ->
          "the connection failed"
              + (detail.isEmpty() ? " with " + failure.getClass().getSimpleName() : detail);
    };
  }
}
