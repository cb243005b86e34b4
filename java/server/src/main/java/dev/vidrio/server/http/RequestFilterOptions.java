package dev.vidrio.server.http;

import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * What a gate lets through, and how it looks after answers.
 *
 * @param host the address that the server listens at
 * @param apiKeys keys of which a client must have one; empty to answer everybody
 * @param origins of web pages to which browsers may show answers
 * @param bodyBytes bytes of a request's body
 * @param requests requests that are worked on at a time
 * @param writeTime how long a client may take no byte of an answer before its connection is cut
 * @param heartbeat how often a client that waits is sent something without meaning
 */
public record RequestFilterOptions(
    String host,
    List<String> apiKeys,
    Set<String> origins,
    int bodyBytes,
    int requests,
    Duration writeTime,
    Duration heartbeat) {}
