/**
 * The formats in which models write tool calls: {@link dev.vidrio.template.call.ToolCallFormat} is
 * the table of formats, and {@link dev.vidrio.template.call.ToolCallReader} reads calls while they
 * are generated.
 */
@NullMarked
package dev.vidrio.template.call;

import org.jspecify.annotations.NullMarked;
