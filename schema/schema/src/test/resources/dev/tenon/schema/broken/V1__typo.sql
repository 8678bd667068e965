CREATE TABLE fine (id integer);
CREATE TABEL stock (product text);
