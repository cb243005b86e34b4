/** The native executor: libvidrio, found, loaded and called through the Foreign Function API. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.ffm;
