/** A server for tests, and a client for raw connections. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.testserver;
