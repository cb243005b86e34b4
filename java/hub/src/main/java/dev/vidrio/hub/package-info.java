/**
 * Finds models by name and downloads them to the user's store.
 *
 * <p>A {@link dev.vidrio.hub.ModelReference} is a path, a name of the {@link
 * dev.vidrio.hub.Catalog}, or a file on Hugging Face. A {@link dev.vidrio.hub.ModelStore} resolves
 * it to a file on this machine, downloading it from a {@link dev.vidrio.hub.source.ModelSource
 * source} if necessary. Start at {@link dev.vidrio.hub.ModelStore#open()}.
 */
@NullMarked
package dev.vidrio.hub;

import org.jspecify.annotations.NullMarked;
