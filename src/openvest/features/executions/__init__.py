"""Executions: what was traded for customers and for the house, from the trade to its settlement.

Nouns: an *execution* is one trade of one order; a *block trade* is what the house bought or sold in whole shares to
serve customers of fractions; the *inventory* is what the house keeps of an instrument from such blocks, its *reserve*
what blocks under way count on.

Life: an execution is born FILLED and SETTLED on its settlement day. A block trade settles first, then the customers it
serves; a sale settles no earlier than the purchases it sells.

Money: ORDER_EXECUTION (lock → street, or → the house's fractions), STREET_EXECUTION and SETTLEMENT. The catalogue is
POSTINGS.md sections 2.2, 2.3 and 3. The feature above works out quantities and amounts; nothing is rounded here.
DUST_CLEANUP (account → fractions): what is worth less than a cent leaves an account that closes. (7.4)

Source: DOMAIN.md section 6, ORDER_MATHS.md sections 2, 3 and 6. Why a feature of its own: docs/adr/0002.
"""
