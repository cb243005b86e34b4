/**
 * What happens inside a model: the routes {@code /v1/lens/…}, a class per question, and directions
 * that are added while an answer is generated.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.lens;
