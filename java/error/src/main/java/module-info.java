/** The exceptions that every module throws for invalid files and input. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.error {
  requires static transitive org.jspecify;

  exports dev.vidrio.error;
}
