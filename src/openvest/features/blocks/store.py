"""SQL of blocks, their members and cut-offs. What all members come to is asked in one look, whatever their number."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from openvest.db.query import Query, Statement
from openvest.db.rows import columns, insert, update
from openvest.features.blocks.model import Block, CutOff, Dealt, Member, Membership, Sums

# Two that begin one block at once wait for each other, and the second finds the first one's.

_INSERT = insert("blocks", Block)
BEGIN = replace(
    _INSERT,
    sql=_INSERT.sql + " on conflict (tenant_id, instrument_id, currency, mic, side, cut_off_at)"
    " where status = 'COLLECTING' do nothing",
)

COLLECTING_FOR_SHARE = Query(
    Block,
    f"""
    select {columns(Block)} from blocks
     where tenant_id = $1 and status = 'COLLECTING' and cut_off_at = any($2::timestamptz[]) order by id for share
    """,
)
"""Who closes a block waits for those that are about to join it."""

FREE_FOR_UPDATE = Query(
    Block,
    f"""
    select {columns(Block)} from blocks
     where tenant_id = $1 and id = any($2::uuid[]) order by id for no key update skip locked
    """,
)
FOR_UPDATE = Query(
    Block, f"select {columns(Block)} from blocks where tenant_id = $1 and id = any($2::uuid[]) order by id for update"
)
WORKING_OF_INSTRUMENTS = Query(
    UUID,
    "select id from blocks where tenant_id = $1 and status = 'WORKING' and instrument_id = any($2::uuid[]) order by id",
)
SAVE = update(
    "blocks",
    Block,
    "updated_at status members unserved reserve shares price complete traded_at street_order_id mode part weights least"
    " given last_rest last_accepted_at last_order_id",
)

JOIN = insert("block_members", Member, also={"step": "trim_scale(power(10::numeric, -t.decimals))"})

MEMBERSHIPS = Query(
    Membership,
    """
    select m.order_id, m.block_id, b.status
      from block_members m join blocks b on b.tenant_id = m.tenant_id and b.id = m.block_id
     where m.tenant_id = $1 and m.order_id = any($2::uuid[])
    """,
)
MEMBERSHIPS_FOR_SHARE = Query(
    Membership,
    """
    select m.order_id, m.block_id, b.status
      from block_members m join blocks b on b.tenant_id = m.tenant_id and b.id = m.block_id
     where m.tenant_id = $1 and m.order_id = any($2::uuid[]) order by b.id for share of b
    """,
)
"""Nobody closes these blocks meanwhile."""
LEAVE = Statement("update block_members set allotted = 0 where tenant_id = $1 and order_id = any($2::uuid[])")
"""Who leaves a block before it is sent has got nothing of it, and does not count."""

# What a member wants at a price ($3), as `rules.wanted` says it of one: `div` and `mod` of numerics are exact.

_WANTS: LiteralString = """
    select m.order_id, m.accepted_at, m.step, m.cap,
           case b.side
             when 'BUY' then least(m.quantity, div(m.cap, $3::numeric * m.step) * m.step)
             else coalesce(m.quantity, least(m.cap, m.step * (
               div(m.cash_amount, $3::numeric * m.step)
               + case when $3::numeric * m.step < 0.01 and mod(m.cash_amount, $3::numeric * m.step) > 0
                      then 1 else 0 end)))
           end as wants
      from block_members m join blocks b on b.tenant_id = m.tenant_id and b.id = m.block_id
     where m.tenant_id = $1 and m.block_id = $2 and m.allotted is null
"""

SUMS = Query(
    Sums,
    f"""
    select count(*)::int as members, coalesce(sum(w.wants), 0) as wanted,
           coalesce(sum(w.wants) filter (where w.wants >= $4::numeric), 0) as kept, coalesce(sum(w.cap), 0) as cap,
           coalesce(min(w.cap), 0) as least_cap, coalesce(max(w.step), 0) as step
      from ({_WANTS}) w
    """,
)

# Parts are rounded down; what is left goes to the largest remainders, a step each: for a purchase as far as whole steps
# reach ($8 false), for a sale until nothing is left. `rules.share_of` finds the same part for one member.

DEAL = Query(
    Dealt,
    f"""
    with weighed as (
      select w.order_id, w.accepted_at, w.step, case when $6::boolean then w.wants else 0 end as base,
             case when $6::boolean then w.cap - w.wants else w.wants end as weight
        from ({_WANTS}) w
       where $6::boolean or w.wants >= $7::numeric
    ), parted as (
      select w.*, case when w.weight > 0 then div(w.weight * $4::numeric, $5::numeric * w.step) * w.step else 0 end
               as part,
             case when w.weight > 0 then mod(w.weight * $4::numeric, $5::numeric * w.step) end as rest
        from weighed w
    ), placed as (
      select p.*, row_number() over (order by p.rest desc nulls last, p.accepted_at, p.order_id) as place from parted p
    ), odd as (
      select least(count(rest), case when $8::boolean then ceil(($4::numeric - sum(part)) / min(step))
                                     else div($4::numeric - sum(part), max(step)) end) as steps
        from parted
    )
    select coalesce(sum(p.base + p.part), 0) + coalesce(sum(p.step) filter (where p.place <= o.steps), 0) as given,
           max(p.rest) filter (where p.place = o.steps) as last_rest,
           max(p.accepted_at) filter (where p.place = o.steps) as last_accepted_at,
           max(p.order_id::text) filter (where p.place = o.steps)::uuid as last_order_id
      from placed p cross join odd o
    """,
)

DEAL_BY_AGE = Query(
    Dealt,
    f"""
    with aged as (
      select w.accepted_at, w.order_id, sum(w.wants) over (order by w.accepted_at, w.order_id) as so_far,
             w.wants
        from ({_WANTS}) w
    )
    select a.so_far as given, null::numeric as last_rest, a.accepted_at as last_accepted_at, a.order_id as last_order_id
      from aged a where a.so_far - a.wants < $4::numeric order by a.so_far desc, a.accepted_at desc, a.order_id desc
     limit 1
    """,
)

# Members are served in the order of acceptance, block by block; who is set aside is left out.

_UNSERVED: LiteralString = """
     m.allotted is null
     and not exists (
       select from dead_letters a
        where a.tenant_id = $1 and a.sweep = 'orders.allot' and a.row_id = m.order_id)
"""

NEXT_SHARE = Query(
    datetime,
    f"""
    select b.traded_at from blocks b
     where b.tenant_id = $1 and b.status = 'ALLOTTING'
       and exists (select from block_members m where m.tenant_id = $1 and m.block_id = b.id and {_UNSERVED})
     order by b.traded_at limit 1
    """,
)
ALLOTTING = Query(
    Block,
    f"""
    select {columns(Block)} from blocks b
     where b.tenant_id = $1 and b.status = 'ALLOTTING' and b.traded_at <= $2
       and exists (select from block_members m where m.tenant_id = $1 and m.block_id = b.id and {_UNSERVED})
     order by b.cut_off_at, b.id limit 1
    """,
)
CLAIM_SHARES = Query(
    Member,
    f"""
    select {columns(Member)} from block_members m
     where m.tenant_id = $1 and m.block_id = $2 and {_UNSERVED}
     order by m.accepted_at, m.order_id limit $3 for no key update skip locked
    """,
)
ALLOTTED = Statement(
    """
    update block_members m set allotted = t.allotted
      from unnest($2::uuid[], $3::text::numeric[]) as t(order_id, allotted)
     where m.tenant_id = $1 and m.order_id = t.order_id
    """
)

CUT_OFFS = Query(CutOff, "select mic, local_time from block_cut_offs where tenant_id = $1")
NAME_CUT_OFF = Statement(
    """
    insert into block_cut_offs (tenant_id, mic, local_time)
    select tenant_id, $2::text, $3::time from tenants where tenant_id = $1
    on conflict (tenant_id, mic) do update set local_time = excluded.local_time
    """
)
