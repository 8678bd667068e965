CREATE TABLE stock (
  stock_code text COLLATE "C" PRIMARY KEY,
  on_hand    int NOT NULL CHECK (on_hand >= 0)
);

-- Why the stock is what it is: on_hand = sum(quantity).
CREATE TABLE stock_movement (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stock_code text COLLATE "C" NOT NULL,
  reference  text NOT NULL, -- number of the order or cancellation
  kind       text NOT NULL CHECK (kind IN ('OPENING', 'SOLD', 'RELEASED', 'RESTOCKED')),
  quantity   int NOT NULL,
  moved_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON stock_movement (reference);
