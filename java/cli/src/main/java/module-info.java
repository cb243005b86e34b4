/** The vidrio command. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.cli {
  requires dev.vidrio.model;
  requires info.picocli;
  requires static org.jspecify;

  opens dev.vidrio.cli to
      info.picocli;
}
