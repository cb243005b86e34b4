/** A small language model trained on Shakespeare, carried as a resource. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.bard {
  requires static org.jspecify;

  exports dev.vidrio.bard;
}
