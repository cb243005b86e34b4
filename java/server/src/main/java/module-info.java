/** An HTTP server with the APIs of OpenAI, Anthropic and Ollama. */
@org.jspecify.annotations.NullMarked
@SuppressWarnings("requires-automatic") // Micrometer has no module descriptors
module dev.vidrio.server {
  requires transitive dev.vidrio.engine;
  requires dev.vidrio.micrometer;
  requires jdk.httpserver;
  requires micrometer.core;
  requires micrometer.registry.prometheus;
  requires static org.jspecify;
  requires tools.jackson.databind;

  exports dev.vidrio.server;
  exports dev.vidrio.server.command;
}
