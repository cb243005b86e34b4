/** Commands that an application adds to the server. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.command;
