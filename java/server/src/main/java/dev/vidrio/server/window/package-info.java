/** The window, a page with a chat and the lens, which lies beside this as resources. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.window;
