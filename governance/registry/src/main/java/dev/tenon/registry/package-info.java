/**
 * Where the instances of services are. The truth is in a platform database: an instance is there
 * while it renews its lease, by the database's clock, and each change has a number. Begin with
 * {@link dev.tenon.registry.Instance}.
 */
@NullMarked
package dev.tenon.registry;

import org.jspecify.annotations.NullMarked;
