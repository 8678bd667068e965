/**
 * Makes a certificate authority and services' certificates as files, for development and tests.
 * Start at {@link dev.tenon.certificates.CertificateFiles}. Nothing here is needed to run a
 * service: certificates of any authority do that name the service as docs/protocol.md says.
 */
@NullMarked
package dev.tenon.certificates;

import org.jspecify.annotations.NullMarked;
