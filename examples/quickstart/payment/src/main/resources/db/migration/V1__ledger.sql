-- Every movement of money; what a customer has paid is the sum.
CREATE TABLE ledger (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reference   text NOT NULL, -- number of the order or cancellation
  customer_id text NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('CHARGE', 'VOID', 'REFUND')),
  amount      numeric(19, 4) NOT NULL,
  booked_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON ledger (reference);
