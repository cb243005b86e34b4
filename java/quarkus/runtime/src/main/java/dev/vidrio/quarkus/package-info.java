/** A Quarkus extension: the properties under {@code vidrio} and the beans that they configure. */
@NullMarked
package dev.vidrio.quarkus;

import org.jspecify.annotations.NullMarked;
