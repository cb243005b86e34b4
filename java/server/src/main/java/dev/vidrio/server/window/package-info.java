/** The window: a web page with a chat and the lens. Its files are resources of this package. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.window;
