/** Draws the lens's results on HTML pages that need no network. */
package dev.vidrio.lens.page;
