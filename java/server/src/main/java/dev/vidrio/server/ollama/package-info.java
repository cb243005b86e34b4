/**
 * Ollama's API: {@code /api/chat}, {@code /api/generate}, {@code /api/embed} and the routes that
 * describe models. Requests are translated to those of OpenAI's API.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.ollama;
