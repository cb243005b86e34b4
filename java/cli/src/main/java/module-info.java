/** The vidrio command. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.cli {
  requires dev.vidrio.bard;
  requires dev.vidrio.hub;
  requires dev.vidrio.kernel.java;
  requires dev.vidrio.lens;
  requires dev.vidrio.model;
  requires dev.vidrio.server;
  requires info.picocli;
  requires java.management;
  requires java.net.http;
  requires jdk.management;
  requires jdk.unsupported;
  requires org.jline.reader;
  requires org.jline.terminal;
  requires static org.jspecify;
  requires tools.jackson.databind;

  opens dev.vidrio.cli to
      info.picocli;
  opens dev.vidrio.cli.bench to
      info.picocli;
  opens dev.vidrio.cli.cache to
      info.picocli;
  opens dev.vidrio.cli.eval to
      info.picocli;
  opens dev.vidrio.cli.generation to
      info.picocli;
  opens dev.vidrio.cli.lens to
      info.picocli;
  opens dev.vidrio.cli.lens.attribute to
      info.picocli;
  opens dev.vidrio.cli.lens.circuit to
      info.picocli;
  opens dev.vidrio.cli.lens.dataset to
      info.picocli;
  opens dev.vidrio.cli.lens.decode to
      info.picocli;
  opens dev.vidrio.cli.lens.decode.sae to
      info.picocli;
  opens dev.vidrio.cli.lens.detect to
      info.picocli;
  opens dev.vidrio.cli.lens.fact to
      info.picocli;
  opens dev.vidrio.cli.lens.intervene to
      info.picocli;
  opens dev.vidrio.cli.lens.option to
      info.picocli;
  opens dev.vidrio.cli.lens.inspect to
      info.picocli;
  opens dev.vidrio.cli.option to
      info.picocli;
}
