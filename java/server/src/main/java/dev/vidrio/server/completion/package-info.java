/** The route {@code /v1/completions}. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.completion;
