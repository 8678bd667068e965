package dev.tenon.examples.quickstart.payment;

import java.math.BigDecimal;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;

/** No more than this is charged for one order. */
@Component
class ChargeLimit {
  private final BigDecimal most;

  ChargeLimit(@Value("${quickstart.charge-limit}") BigDecimal most) {
    this.most = most;
  }

  boolean allows(BigDecimal amount) {
    return amount.compareTo(most) <= 0;
  }
}
