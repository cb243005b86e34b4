/**
 * An HTTP server with OpenAI's API: {@link dev.vidrio.server.Server} and its options.
 *
 * <p>A request passes {@code http.RequestFilter} and {@code http.Router} to the class of its route,
 * which reads it with {@code http.JsonFields}, submits it to an engine, and responds through {@code
 * http.Response}.
 *
 * <p>The other packages are internal. Their dependencies are acyclic:
 *
 * <ul>
 *   <li>this package depends on all others;
 *   <li>{@code chat} and {@code completion} depend on {@code generation}, their shared pipeline;
 *   <li>{@code generation} depends on {@code lens}, since answers can be steered;
 *   <li>{@code lens} and {@code encoding} depend on {@code prompt}, the input of models, and {@code
 *       model}, the loaded models;
 *   <li>these depend on {@code http} and {@code metrics}.
 * </ul>
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server;
