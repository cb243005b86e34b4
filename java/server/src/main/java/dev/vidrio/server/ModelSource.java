package dev.vidrio.server;

import dev.vidrio.model.Model;
import java.util.function.Supplier;

/**
 * A model that a server offers.
 *
 * @param id what requests call it
 * @param opener opens it, when it is asked for first and after it was unloaded; the server closes
 *     what it returns
 */
public record ModelSource(String id, Supplier<Model> opener) {}
