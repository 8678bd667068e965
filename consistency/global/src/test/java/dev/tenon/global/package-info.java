@NullMarked
package dev.tenon.global;

import org.jspecify.annotations.NullMarked;
