/** The routes {@code /v1/lens/…}, one class per request, and the steering of answers. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.lens;
