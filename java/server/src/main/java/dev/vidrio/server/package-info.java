/**
 * ModelRegistry over HTTP, as OpenAI's API has it: {@link dev.vidrio.server.Server}, and what it is told.
 *
 * <p>A request goes from {@code http.Gate}, which every one passes, through {@code http.Router} to
 * the class of its route, which reads it strictly with {@code http.Fields}, hands it to an engine,
 * and answers through {@code http.Reply}.
 *
 * <p>Routes have packages by what they are about, {@code chat}, {@code text}, {@code lens} and
 * {@code window}; what tells of the server itself lies here. Packages depend on each other in one
 * direction, and the module keeps all but this to itself:
 *
 * <ul>
 *   <li>this one, which makes a server of them, on all others;
 *   <li>{@code chat} and {@code text} on {@code generation}, which they share;
 *   <li>that on {@code lens}, since answers can be steered;
 *   <li>that on {@code prompt}, what models are given, and {@code model}, those that are there;
 *   <li>these on {@code http}, requests and their answers, and on {@code metrics}.
 * </ul>
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server;
