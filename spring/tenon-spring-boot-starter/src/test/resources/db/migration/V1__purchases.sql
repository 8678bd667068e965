CREATE TABLE purchase (id text PRIMARY KEY, tool text NOT NULL);
CREATE TABLE received (id text NOT NULL, attempt int NOT NULL);
