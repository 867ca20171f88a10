-- What rounding took from the customer with an execution: over an order nothing or one cent. What was executed before was
-- rounded to the nearest cent on both sides.

alter table executions add column rounding numeric not null default 0 check (rounding between -0.01 and 0.01);
