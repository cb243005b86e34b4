/** The meters of a server: HTTP requests, and the engines of its models. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.metrics;
