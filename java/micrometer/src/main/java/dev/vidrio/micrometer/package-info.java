/** What an engine does, as Micrometer's meters: {@link dev.vidrio.micrometer.EngineMetrics}. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.micrometer;
