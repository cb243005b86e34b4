/**
 * A request and its answer, whatever they are about. {@code RequestFilter}, which every request passes,
 * makes an {@code Exchange} of it, has {@code Router} find its {@code Route}, and tells clients
 * what went wrong. A route reads the body strictly with {@code JsonFields}, and answers through {@code
 * Response} or an {@code EventStream}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.http;
