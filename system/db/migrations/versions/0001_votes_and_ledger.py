"""The counts, the ledger that makes each vote count once, and the two functions that all callers use."""

from alembic import op

revision = "0001"
down_revision = None

VOTES = """
create table votes (
  id bigint generated always as identity primary key, -- bigint, because an upsert consumes an id even if it only updates
  option text not null unique,
  count bigint not null default 0 check (count >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
)
"""

LEDGER = """
create table vote_ledger (
  vote_id uuid primary key,
  option text not null,
  stream_id text not null, -- where it came from; not unique: Redis can reuse an id after data loss and a clock step
  counted_at timestamptz not null default now()
)
"""

# One atomic statement. All callers take locks in the same order, ledger before votes, with ids and options sorted, so that two
# consumers with the same entries wait for each other and never deadlock.
INCREMENT = """
create function increment_votes(vote_ids uuid[], options text[], stream_ids text[]) returns text[] language sql as $$
  with counted as (
    insert into vote_ledger (vote_id, option, stream_id)
    select vote_id, option, stream_id
    from unnest(vote_ids, options, stream_ids) with ordinality as given (vote_id, option, stream_id, place)
    order by vote_id, place
    on conflict (vote_id) do nothing
    returning option, stream_id
  ), added as (
    insert into votes (option, count)
    select option, count(*) from counted group by option order by option
    on conflict (option) do update set count = votes.count + excluded.count, updated_at = now()
  )
  select coalesce(array_agg(stream_id), '{}') from counted
$$
"""
INCREMENT_COMMENT = """
comment on function increment_votes is
  'Count votes, each vote id once for ever; gives the stream ids of those that were counted now.'
"""

RESULTS = """
create function get_vote_results() returns table (option text, count bigint, updated_at timestamptz) language sql stable as $$
  select option, count, updated_at from votes order by option
$$
"""


def upgrade() -> None:
    for statement in (VOTES, LEDGER, INCREMENT, INCREMENT_COMMENT, RESULTS):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the ledger is the only proof of what was counted; no migration drops it")
