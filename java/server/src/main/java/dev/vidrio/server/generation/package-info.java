/**
 * Common parts of the routes that generate text: the fields of requests, the stream of answers from
 * the engine, and their JSON in OpenAI's API.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.generation;
