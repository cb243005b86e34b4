/** A server for tests, and a client that does what others do not. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.testserver;
