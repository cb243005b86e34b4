package dev.vidrio.server.http;

import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * Options of a {@link RequestFilter}.
 *
 * @param host the address that the server listens on
 * @param apiKeys the accepted API keys; empty to require none
 * @param origins the origins of web pages that may call the server (CORS)
 * @param bodyBytes maximum bytes of a request's body
 * @param requests maximum concurrent requests
 * @param writeTime how long a write may block before the connection is closed
 * @param heartbeat interval of heartbeats to a waiting client
 * @param listener receives the fields that routes read
 */
public record RequestFilterOptions(
    String host,
    List<String> apiKeys,
    Set<String> origins,
    int bodyBytes,
    int requests,
    Duration writeTime,
    Duration heartbeat,
    FieldListener listener) {}
