-- The columns stock and payment are for the modes whose participants answer by messages: all but
-- saga and tcc.
ALTER TABLE orders
  DROP CONSTRAINT orders_mode_check,
  ADD CHECK (mode IN ('messages', 'saga', 'tcc', 'at', 'xa', 'mixed'));
