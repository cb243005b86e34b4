/** Pictures of what the lens finds: pages that need no network. */
package dev.vidrio.lens.page;
