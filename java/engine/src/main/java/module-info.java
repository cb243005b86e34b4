/** Serves many requests to one model at once, with continuous batching. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.engine {
  requires transitive dev.vidrio.lens;
  requires jdk.management;
  requires static transitive org.jspecify;

  exports dev.vidrio.engine;
  exports dev.vidrio.engine.generation;
}
