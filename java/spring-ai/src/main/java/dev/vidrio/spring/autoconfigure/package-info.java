/** Spring Boot auto-configuration of the properties under {@code vidrio}. */
@NullMarked
package dev.vidrio.spring.autoconfigure;

import org.jspecify.annotations.NullMarked;
