-- What staff note about a guest, and the language that the guest speaks (BCP 47).
ALTER TABLE guests ADD COLUMN note TEXT;
ALTER TABLE guests ADD COLUMN language TEXT;
