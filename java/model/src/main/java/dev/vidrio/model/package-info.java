/** What every part of the model layer shares: the errors it reports. */
@NullMarked
package dev.vidrio.model;

import org.jspecify.annotations.NullMarked;
