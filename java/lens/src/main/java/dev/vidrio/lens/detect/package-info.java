/**
 * Which heads and neurons do what is known of others: heads that look at previous, duplicate or
 * first tokens, induce, copy, succeed and retrieve; neurons of entropy and frequency (section 5 of
 * the primer, arXiv 2405.00208).
 */
package dev.vidrio.lens.detect;
