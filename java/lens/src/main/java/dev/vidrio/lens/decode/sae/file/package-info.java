/**
 * {@linkplain dev.vidrio.lens.decode.sae.file.DictionaryFile Opens} dictionaries of all formats.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode.sae.file;
