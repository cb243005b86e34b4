/**
 * LangChain4j's chat, streaming and embedding models on engines in this process. A chat model
 * either uses a shared engine, or opens and closes its own.
 */
@NullMarked
package dev.vidrio.langchain4j;

import org.jspecify.annotations.NullMarked;
