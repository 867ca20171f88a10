"""What the catalogs say of schema public: one query for each kind of thing, each in an order that is total."""

from __future__ import annotations

_OURS = "join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'"

RELATIONS = f"""
select c.relname as name, c.relrowsecurity as secured, c.relforcerowsecurity as forced, c.reloptions as options,
       pg_get_partkeydef(c.oid) as partition_key, p.relname as partition_of,
       pg_get_expr(c.relpartbound, c.oid) as bound
  from pg_class c {_OURS}
  left join pg_inherits i on i.inhrelid = c.oid
  left join pg_class p on p.oid = i.inhparent
 where c.relkind in ('r', 'p')
 order by coalesce(p.relname, c.relname), c.relkind <> 'p', c.relname
"""

COLUMNS = f"""
select c.relname as relation, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
       a.attnotnull as required, a.attidentity <> '' as identity, a.attgenerated <> '' as generated,
       pg_get_expr(d.adbin, d.adrelid) as expression
  from pg_class c {_OURS}
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
 where c.relkind in ('r', 'p') order by c.relname, a.attnum
"""

# Not-null constraints stand beside their columns: only PostgreSQL 18 gives them rows of their own.
CONSTRAINTS = f"""
select c.relname as relation, k.conname as name, k.contype::text as contype, pg_get_constraintdef(k.oid) as definition
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid {_OURS}
 where k.contype in ('p', 'u', 'c', 'x', 'f') and k.conparentid = 0 and not (k.contype = 'c' and k.coninhcount > 0)
 order by c.relname, position(k.contype::text in 'pucxf'), k.conname
"""

INDEXES = f"""
select c.relname as relation, replace(pg_get_indexdef(i.indexrelid), ' ON public.', ' ON ') as definition
  from pg_index i
  join pg_class c on c.oid = i.indrelid {_OURS}
  join pg_class x on x.oid = i.indexrelid
 where not c.relispartition and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
 order by c.relname, x.relname
"""

POLICIES = f"""
select c.relname as relation, p.polname as name, p.polpermissive as permissive,
       case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                     else 'delete' end as command,
       array(select case r.oid when 0 then 'public' else pg_get_userbyid(r.oid)::text end
               from unnest(p.polroles) r(oid) order by 1) as roles,
       pg_get_expr(p.polqual, p.polrelid) as "using", pg_get_expr(p.polwithcheck, p.polrelid) as checked
  from pg_policy p
  join pg_class c on c.oid = p.polrelid {_OURS}
 order by c.relname, p.polname
"""

SEQUENCES = f"""
select c.relname as name, format_type(q.seqtypid, null) as type, q.seqincrement as increment
  from pg_class c {_OURS}
  join pg_sequence q on q.seqrelid = c.oid
 where not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i') and d.refobjsubid > 0)
 order by c.relname
"""

# Views that stand on views come after them.
VIEWS = f"""
with recursive above as (
  select c.oid, c.relname, c.reloptions, 0 as depth from pg_class c {_OURS} where c.relkind = 'v'
  union all
  select c.oid, c.relname, c.reloptions, a.depth + 1
    from above a
    join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = a.oid
                    and d.classid = 'pg_rewrite'::regclass
    join pg_rewrite w on w.oid = d.objid
    join pg_class c on c.oid = w.ev_class and c.oid <> a.oid)
select relname as name, reloptions as options, pg_get_viewdef(oid) as definition, max(depth) as depth
  from above group by oid, relname, reloptions order by depth, relname
"""

FUNCTIONS = """
select f.proname as name, format('%I(%s)', f.proname, pg_get_function_identity_arguments(f.oid)) as signature,
       pg_get_functiondef(f.oid) as definition, f.prosecdef as definer, f.proconfig as settings, f.prosrc as body
  from pg_proc f
  join pg_namespace s on s.oid = f.pronamespace and s.nspname = 'public'
 where not exists (select from pg_depend d where d.objid = f.oid and d.deptype = 'e')
 order by f.proname, signature
"""

TRIGGERS = f"""
select c.relname as relation, t.tgname as name,
       replace(replace(pg_get_triggerdef(t.oid), ' ON public.', ' ON '), 'FUNCTION public.', 'FUNCTION ') as definition
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid {_OURS}
 where not t.tgisinternal order by c.relname, t.tgname
"""
