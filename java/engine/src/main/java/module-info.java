/**
 * Many requests to one model at a time: the scheduler, its cache of prefixes, streams of tokens.
 */
@org.jspecify.annotations.NullMarked
module dev.vidrio.engine {
  requires transitive dev.vidrio.lens;
  requires jdk.management;
  requires static transitive org.jspecify;

  exports dev.vidrio.engine;
}
