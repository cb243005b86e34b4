/** Many requests to one model at a time: an engine, what it is asked, and what it answers. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.engine {
  requires transitive dev.vidrio.lens;
  requires jdk.management;
  requires static transitive org.jspecify;

  exports dev.vidrio.engine;
  exports dev.vidrio.engine.generation;
}
