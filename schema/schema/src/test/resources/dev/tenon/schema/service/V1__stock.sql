CREATE TABLE stock (product text PRIMARY KEY, amount integer NOT NULL);
