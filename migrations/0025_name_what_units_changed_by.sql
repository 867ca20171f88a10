-- What an account's quantity changed by has one name, from the table to the answer.

alter table securities_transactions rename column amount to delta;
