/** What Spring Boot makes of the properties under {@code vidrio}. */
@NullMarked
package dev.vidrio.spring.autoconfigure;

import org.jspecify.annotations.NullMarked;
