/** Exports the metrics of an engine to Micrometer. */
@org.jspecify.annotations.NullMarked
@SuppressWarnings({
  "requires-automatic",
  "requires-transitive-automatic"
}) // Micrometer has no module descriptors
module dev.vidrio.micrometer {
  requires transitive dev.vidrio.engine;
  requires transitive micrometer.core;
  requires static org.jspecify;

  exports dev.vidrio.micrometer;
}
