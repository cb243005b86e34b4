/** How long steps and answers lately took, and what that tells of those to come. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.engine.pace;
