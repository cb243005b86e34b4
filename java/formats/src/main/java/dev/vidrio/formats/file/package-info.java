/** File access for model files: memory mapping, strict JSON, and atomic writing. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.formats.file;
