/** The environment of the process on its host. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.host;
