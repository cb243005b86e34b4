/** Download sources of model files, and listeners for their progress. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.hub.source;
