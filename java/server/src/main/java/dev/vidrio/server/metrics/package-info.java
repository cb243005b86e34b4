/** What a server counts: requests over HTTP, and what the engines of its models do. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.metrics;
