ALTER TABLE audit ADD COLUMN text text;
