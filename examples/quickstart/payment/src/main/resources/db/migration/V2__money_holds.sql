-- Put aside for orders that are being placed. A row lives as long as its transaction.
CREATE TABLE money_hold (
  id          uuid PRIMARY KEY,
  order_no    text NOT NULL,
  customer_id text NOT NULL,
  amount      numeric(19, 4) NOT NULL CHECK (amount >= 0),
  held_at     timestamptz NOT NULL DEFAULT now()
);
