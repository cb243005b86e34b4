/**
 * What routes have in common that generate text: what requests say of it, answers as they come from
 * the engine, and the words of OpenAI's API for them.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.generation;
