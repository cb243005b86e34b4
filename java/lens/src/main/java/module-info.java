/** What happens inside a model while it runs: read, attributed and edited. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.lens {
  requires transitive dev.vidrio.model;
  requires static transitive org.jspecify;

  exports dev.vidrio.lens;
}
