/**
 * HTTP requests and responses, independent of what the routes do. {@code RequestFilter} handles
 * every request: it makes an {@code Exchange}, lets {@code Router} find the {@code Route}, and
 * sends errors as JSON. A route reads the body with {@code JsonFields}, which rejects unknown
 * fields, and responds through {@code Response} or an {@code EventStream}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.http;
