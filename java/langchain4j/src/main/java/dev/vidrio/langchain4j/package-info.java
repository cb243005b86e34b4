/**
 * LangChain4j's chat, streaming and embedding models on engines of this process. A model's engine
 * is the caller's, and may serve others too, or the model opens and closes one of its own.
 */
@NullMarked
package dev.vidrio.langchain4j;

import org.jspecify.annotations.NullMarked;
