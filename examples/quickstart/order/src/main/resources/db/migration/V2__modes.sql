-- How the order is placed. The columns stock and payment are for mode messages alone.
ALTER TABLE orders
  ADD COLUMN mode text NOT NULL DEFAULT 'messages' CHECK (mode IN ('messages', 'saga', 'tcc'));
