package dev.vidrio.engine.sequence;

import dev.vidrio.model.adapter.Adaptation;
import org.jspecify.annotations.Nullable;

/**
 * The dependencies of keys, values and states of a request other than its tokens.
 *
 * @param salt separates the prefixes of tenants
 * @param adaptation the adapter, or null
 */
record PrefixRoot(String salt, @Nullable Adaptation adaptation) {}
