/** Serves many requests to one model at once: an engine, its requests and its answers. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.engine {
  requires transitive dev.vidrio.lens;
  requires jdk.management;
  requires static transitive org.jspecify;

  exports dev.vidrio.engine;
  exports dev.vidrio.engine.generation;
}
