-- What is to be delivered, of orders in mode mixed.
CREATE TABLE delivery (
  id       uuid PRIMARY KEY,
  order_no text NOT NULL
);
