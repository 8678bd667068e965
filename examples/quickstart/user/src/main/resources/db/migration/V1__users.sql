CREATE TABLE users (
  id    text COLLATE "C" PRIMARY KEY,
  name  text NOT NULL,
  email text NOT NULL
);
