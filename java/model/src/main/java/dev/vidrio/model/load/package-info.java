/** The parts of an open model that sessions, adapters and generators share. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.load;
