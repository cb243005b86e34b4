/**
 * Finding models by name and fetching them into the user's store.
 *
 * <p>A {@link dev.vidrio.model.hub.ModelReference} is what a user writes: a path, a name of the
 * {@link dev.vidrio.model.hub.Catalog}, or a file on Hugging Face. A {@link
 * dev.vidrio.model.hub.ModelStore} turns it into a file on this machine, from the {@link
 * dev.vidrio.model.hub.source.ModelSource sources} that it has, by {@code download}.
 */
@NullMarked
package dev.vidrio.model.hub;

import org.jspecify.annotations.NullMarked;
