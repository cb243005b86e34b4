/** Build steps of the Quarkus extension. */
@NullMarked
package dev.vidrio.quarkus.deployment;

import org.jspecify.annotations.NullMarked;
