/** Exports the metrics of an engine to Micrometer: {@link dev.vidrio.micrometer.EngineMetrics}. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.micrometer;
