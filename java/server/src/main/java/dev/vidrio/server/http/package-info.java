/**
 * A request and its answer, whatever they are about. {@code Gate}, which every request passes,
 * makes an {@code Exchange} of it, has {@code Router} find its {@code Route}, and tells clients
 * what went wrong. A route reads the body strictly with {@code Fields}, and answers through {@code
 * Reply} or an {@code EventStream}.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.server.http;
