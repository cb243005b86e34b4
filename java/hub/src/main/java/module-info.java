/** Stores downloaded models: catalog, references, resumable and verified downloads. */
@org.jspecify.annotations.NullMarked
module dev.vidrio.hub {
  requires transitive dev.vidrio.error;
  requires dev.vidrio.kernel;
  requires java.net.http;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;

  exports dev.vidrio.hub;
  exports dev.vidrio.hub.source;
}
