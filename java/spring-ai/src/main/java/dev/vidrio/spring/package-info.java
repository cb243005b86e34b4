/** Spring AI's chat and embedding models on engines in this process. */
@NullMarked
package dev.vidrio.spring;

import org.jspecify.annotations.NullMarked;
