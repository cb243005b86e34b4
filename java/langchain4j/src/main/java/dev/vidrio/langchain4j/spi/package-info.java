/** Factories by which other libraries replace the builders of this module. */
@NullMarked
package dev.vidrio.langchain4j.spi;

import org.jspecify.annotations.NullMarked;
