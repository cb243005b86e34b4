/**
 * Downloads from a source: over HTTP, or from wheels by the user's pip. Partial downloads are kept
 * and resumed. Not exported.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.hub.download;
