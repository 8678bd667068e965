package dev.tenon.transport;

import com.linecorp.armeria.common.AggregatedHttpResponse;

/**
 * What a service has answered.
 *
 * @param response the answer, whole; a problem perhaps
 * @param attempts how many attempts were made, from 1
 */
public record CallAnswer(AggregatedHttpResponse response, int attempts) {}
