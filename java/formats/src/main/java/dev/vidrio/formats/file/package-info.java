/** How model files are mapped, read and written. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.formats.file;
