CREATE TABLE tenon.later (id integer PRIMARY KEY);
