/** The environment of the process on its host, and digests of its files. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.host;
