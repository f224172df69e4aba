"""Recording and sealing: `ledger_record` turns a row into an event, `ledger_seal` chains events as they commit.

Neither can be called: they are trigger functions that no application role may execute, and they run as their owner.
The order in which a transaction takes its streams' locks is that of the locks, so two transactions cannot wait for
each other, however many streams they write to.
"""

from django.db import migrations

RECORD = """
-- A row's canonical text is fixed here once and stored: no setting of the session that writes may change it.
CREATE FUNCTION ledger_row_text(given jsonb, omitted text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (given - string_to_array(omitted, ','))::text
$$;

-- Follows `version_id>planning_planversion.plan_id`: the column's value, looked up in a table, … A second path after `|`
-- is taken where the first leads to nothing.
CREATE FUNCTION ledger_key(given jsonb, paths text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    path text;
    step text;
    key text;
BEGIN
    FOREACH path IN ARRAY string_to_array(paths, '|') LOOP
        key := given ->> split_part(path, '>', 1);
        FOREACH step IN ARRAY (string_to_array(path, '>'))[2:] LOOP
            IF step = 'planning_planversion.plan_id' THEN -- the usual one, whose plan can be kept
                key := (SELECT v.plan_id FROM planning_planversion v WHERE v.id = key::bigint);
                CONTINUE;
            END IF;
            EXECUTE format('SELECT %I::text FROM public.%I WHERE id = $1::bigint', split_part(step, '.', 2), split_part(step, '.', 1))
                INTO key USING key;
        END LOOP;
        EXIT WHEN key IS NOT NULL;
    END LOOP;
    RETURN key;
END $$;

-- Arguments: stream, path to its key (empty: the stream has none), column of the person, columns left out, row's key,
-- stream of a row whose path leads nowhere (empty: the first).
CREATE FUNCTION ledger_record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' SET intervalstyle = 'iso_8601'
SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
DECLARE
    given jsonb;
    body text;
    key text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        given := to_jsonb(OLD);
    ELSE
        given := to_jsonb(NEW);
    END IF;
    body := (given - string_to_array(TG_ARGV[3], ','))::text; -- as ledger_row_text, which cannot be inlined here
    IF TG_TABLE_SCHEMA <> 'public' THEN
        RAISE EXCEPTION 'only tables of the portal are recorded';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF body = ledger_row_text(to_jsonb(OLD), TG_ARGV[3]) THEN
            RETURN NULL;
        END IF;
    END IF;
    IF strpos(TG_ARGV[1], '>') > 0 THEN
        key := ledger_key(given, TG_ARGV[1]);
    ELSE
        key := given ->> nullif(TG_ARGV[1], '');
    END IF;
    INSERT INTO ledger_event (stream, source, op, row_key, actor, context, body)
    VALUES (coalesce(TG_ARGV[0] || ':' || key, nullif(TG_ARGV[5], ''), TG_ARGV[0]), TG_TABLE_NAME, TG_OP, coalesce(given ->> TG_ARGV[4], ''),
            coalesce(given ->> nullif(TG_ARGV[2], ''), ''), left(coalesce(current_setting('portal.context', true), ''), 2000), body);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION ledger_record() FROM PUBLIC;

-- Who wrote, when and in which transaction is PostgreSQL's word, whoever inserts.
CREATE FUNCTION ledger_stamp() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.at := clock_timestamp();
    NEW.txid := pg_current_xact_id()::text::bigint;
    NEW.db_role := session_user;
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION ledger_stamp() FROM PUBLIC;
ALTER TABLE ledger_event ALTER COLUMN at SET DEFAULT clock_timestamp(), ALTER COLUMN txid SET DEFAULT 0, ALTER COLUMN db_role SET DEFAULT session_user;
CREATE TRIGGER stamped BEFORE INSERT ON ledger_event FOR EACH ROW EXECUTE FUNCTION ledger_stamp();
ALTER TABLE ledger_event ENABLE ALWAYS TRIGGER stamped;
"""

SEAL = """
-- Each field with its length before it. Written out: every event pays for this once.
CREATE FUNCTION ledger_link_hash(event ledger_event, seq bigint, prev bytea) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    place text := seq::text;
    at text := (extract(epoch FROM event.at) * 1000000)::bigint::text;
BEGIN
    RETURN sha256(convert_to(E'utility-hitl-portal ledger link 1\\n', 'UTF8')
        || int4send(octet_length(event.stream)) || convert_to(event.stream, 'UTF8')
        || int4send(octet_length(place)) || convert_to(place, 'UTF8')
        || int4send(octet_length(prev)) || prev
        || int4send(octet_length(at)) || convert_to(at, 'UTF8')
        || int4send(octet_length(event.source)) || convert_to(event.source, 'UTF8')
        || int4send(octet_length(event.op)) || convert_to(event.op, 'UTF8')
        || int4send(octet_length(event.row_key)) || convert_to(event.row_key, 'UTF8')
        || int4send(octet_length(event.actor)) || convert_to(event.actor, 'UTF8')
        || int4send(octet_length(event.db_role)) || convert_to(event.db_role, 'UTF8')
        || int4send(octet_length(event.context)) || convert_to(event.context, 'UTF8')
        || int4send(octet_length(event.body)) || convert_to(event.body, 'UTF8'));
END $$;

-- Runs at commit. The first event's turn seals all of the transaction's; the others find themselves sealed.
-- Always by index: what PostgreSQL believes of the tables may be old (one transaction had written them all), and a plan
-- that reads a whole table would make every commit as slow as the record is long.
CREATE FUNCTION ledger_seal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    mine bigint := pg_current_xact_id()::text::bigint;
    event ledger_event;
    stream text;
    seq bigint;
    prev bytea;
    hash bytea;
BEGIN
    IF EXISTS (SELECT FROM ledger_link l WHERE l.event_id = NEW.id) THEN
        RETURN NULL;
    END IF;
    FOR event IN
        SELECT e.* FROM ledger_event e
         WHERE e.txid = mine AND NOT EXISTS (SELECT FROM ledger_link l WHERE l.event_id = e.id)
         ORDER BY hashtextextended(e.stream, 1), e.stream, e.id
    LOOP
        IF stream IS DISTINCT FROM event.stream THEN
            stream := event.stream;
            PERFORM pg_advisory_xact_lock(hashtextextended(stream, 1));
            SELECT l.seq, l.hash INTO seq, prev FROM ledger_link l WHERE l.stream = event.stream ORDER BY l.seq DESC LIMIT 1;
            IF seq IS NULL THEN
                seq := 0;
                prev := decode(repeat('00', 32), 'hex');
            END IF;
        END IF;
        seq := seq + 1;
        hash := ledger_link_hash(event, seq, prev);
        INSERT INTO ledger_link (event_id, stream, seq, txid, algorithm, prev, hash) VALUES (event.id, stream, seq, mine, 1, prev, hash);
        prev := hash;
    END LOOP;
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION ledger_seal() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER sealed AFTER INSERT ON ledger_event DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_seal();
ALTER TABLE ledger_event ENABLE ALWAYS TRIGGER sealed;
"""

KEPT = "\n".join(
    f"""
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION planning_refuse_rewrite();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION planning_refuse_rewrite();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_rows;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_table;
"""
    for table in ("ledger_event", "ledger_link")
)

KEPT_REVERSED = "\n".join(
    f"DROP TRIGGER append_only_rows ON {table}; DROP TRIGGER append_only_table ON {table};"
    for table in ("ledger_event", "ledger_link")
)
SEAL_REVERSED = """
DROP TRIGGER sealed ON ledger_event;
DROP FUNCTION ledger_seal();
DROP FUNCTION ledger_link_hash(ledger_event, bigint, bytea);
"""
RECORD_REVERSED = """
DROP TRIGGER stamped ON ledger_event;
DROP FUNCTION ledger_stamp();
DROP FUNCTION ledger_record() CASCADE;
DROP FUNCTION ledger_key(jsonb, text);
DROP FUNCTION ledger_row_text(jsonb, text);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial"), ("planning", "0003_fence")]
    operations = [
        migrations.RunSQL(RECORD, RECORD_REVERSED),
        migrations.RunSQL(SEAL, SEAL_REVERSED),
        migrations.RunSQL(KEPT, KEPT_REVERSED),
    ]
