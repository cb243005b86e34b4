/** Where other libraries put builders of their own in place of this module's. */
@NullMarked
package dev.vidrio.langchain4j.spi;

import org.jspecify.annotations.NullMarked;
