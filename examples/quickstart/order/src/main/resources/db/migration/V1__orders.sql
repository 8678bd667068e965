CREATE TABLE orders (
  order_no     text COLLATE "C" PRIMARY KEY,
  customer_id  text,
  status       text NOT NULL CHECK (status IN ('PENDING', 'CONFIRMED', 'REJECTED')),
  reason       text, -- of the rejection
  stock        text NOT NULL DEFAULT 'WAITING' CHECK (stock IN ('WAITING', 'DONE', 'REFUSED')),
  payment      text NOT NULL DEFAULT 'WAITING' CHECK (payment IN ('WAITING', 'DONE', 'REFUSED')),
  amount       numeric(19, 4) NOT NULL,
  request_hash text NOT NULL,
  placed_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON orders (customer_id);

CREATE TABLE order_line (
  order_no   text COLLATE "C" REFERENCES orders,
  line_no    int,
  stock_code text NOT NULL,
  quantity   int NOT NULL,
  unit_price numeric(19, 4) NOT NULL,
  status     text NOT NULL CHECK (status IN ('ACCEPTED', 'REJECTED')),
  reason     text, -- of the rejection
  cancelled  int NOT NULL DEFAULT 0, -- how many came back
  PRIMARY KEY (order_no, line_no),
  CHECK (cancelled = 0 OR cancelled BETWEEN 0 AND quantity)
);

CREATE TABLE cancellation (
  cancellation_no text PRIMARY KEY,
  customer_id     text,
  status          text NOT NULL CHECK (status IN ('ACCEPTED', 'REJECTED')),
  amount          numeric(19, 4) NOT NULL,
  request_hash    text NOT NULL,
  cancelled_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE cancellation_line (
  cancellation_no text REFERENCES cancellation,
  line_no         int,
  stock_code      text NOT NULL,
  quantity        int NOT NULL,
  status          text NOT NULL CHECK (status IN ('REFUNDED', 'REJECTED')),
  reason          text,
  PRIMARY KEY (cancellation_no, line_no)
);

-- Which purchases a cancellation took back.
CREATE TABLE cancellation_match (
  cancellation_no text NOT NULL REFERENCES cancellation,
  line_no         int NOT NULL,
  order_no        text COLLATE "C" NOT NULL,
  order_line_no   int NOT NULL,
  quantity        int NOT NULL CHECK (quantity > 0),
  unit_price      numeric(19, 4) NOT NULL,
  FOREIGN KEY (order_no, order_line_no) REFERENCES order_line
);

-- Filled by the messages of service user; may be wiped and filled again.
CREATE TABLE user_copy (
  id    text PRIMARY KEY,
  name  text NOT NULL,
  email text NOT NULL
);
