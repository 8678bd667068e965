/**
 * Tenon in a Spring Boot application: beans, transactions, message handlers, health and settings.
 */
@NullMarked
package dev.tenon.spring;

import org.jspecify.annotations.NullMarked;
