/** Where the bytes of models come from, and who hears how they come. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.hub.source;
