/**
 * Models over HTTP, as OpenAI's API has it: {@link dev.vidrio.server.Server}.
 *
 * <p>A request goes from {@code Gate}, which every one passes, through {@code Router} to the class
 * of its route, which reads it strictly with {@code Fields}, hands it to an engine, and answers
 * through {@code Reply}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server;
