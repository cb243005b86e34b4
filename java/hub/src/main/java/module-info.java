/**
 * The local model store: catalog, references, resumable and verified downloads.
 *
 * <p>Start at {@link dev.vidrio.hub.ModelStore}.
 */
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
