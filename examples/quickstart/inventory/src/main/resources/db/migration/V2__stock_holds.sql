-- Put aside for orders that are being placed: on_hand - held is for sale.
ALTER TABLE stock
  ADD COLUMN held int NOT NULL DEFAULT 0,
  ADD CHECK (held BETWEEN 0 AND on_hand);

-- Why so much is held: held = sum(quantity). A row lives as long as its transaction.
CREATE TABLE stock_hold (
  id         uuid,
  stock_code text COLLATE "C" REFERENCES stock,
  order_no   text NOT NULL,
  quantity   int NOT NULL CHECK (quantity > 0),
  held_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, stock_code)
);
