from django.db import migrations

# What sealing asks for in every round, as functions whose plans the session keeps. Each takes its lock in a statement of
# its own: the next one then sees what the former holder committed. The table of waiting records is read by its key
# alone, however many dead rows lie in it since the last vacuum; hence no sequential scan.
# The schema is cloned by replacing its name in function texts: keep the word out of them.
STATE = """
CREATE FUNCTION ledger_state(
    lock_class integer, lock_number integer,
    OUT unit_code text, OUT log_name text, OUT key text, OUT grown bigint, OUT edge_now bytea, OUT slot bigint,
    OUT published bigint, OUT published_root bytea, OUT waiting boolean, OUT why_halted text
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF lock_class IS NOT NULL THEN
        PERFORM pg_advisory_xact_lock(lock_class, lock_number);
    END IF;
    SELECT unit, origin, log_key, sync_log.size, edge, last_slot, coalesce(head.size, -1), coalesce(head.root, ''),
        (SELECT id FROM sync_pending WHERE NOT slotted ORDER BY id LIMIT 1) IS NOT NULL, halted
    INTO STRICT unit_code, log_name, key, grown, edge_now, slot, published, published_root, waiting, why_halted
    FROM sync_log LEFT JOIN LATERAL (SELECT size, root FROM sync_head ORDER BY size DESC LIMIT 1) head ON true;
END $$;
"""

# Without chosen records, so many of the first that wait for no slot.
MOVE = """
CREATE FUNCTION ledger_move(
    lock_class integer, lock_number integer, most integer, chosen bigint[],
    OUT unit_code text, OUT first bigint, OUT edge_now bytea, OUT commitments bytea
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(lock_class, lock_number);
    SELECT unit, size, edge INTO STRICT unit_code, first, edge_now FROM sync_log;
    IF chosen IS NULL THEN
        chosen := ARRAY(SELECT id FROM sync_pending WHERE NOT slotted ORDER BY id LIMIT most);
    END IF;
    WITH moved AS (
        DELETE FROM sync_pending USING unnest(chosen) WITH ORDINALITY AS given (id, place)
        WHERE sync_pending.id = given.id
        RETURNING first + given.place - 1 AS index, sync_pending.*
    ),
    entered AS (INSERT INTO sync_entry (index, unit, commitment) SELECT index, unit, commitment FROM moved ORDER BY index),
    opened AS (
        INSERT INTO sync_opening (index, unit, kind, subject, audience, header, body, salt)
        SELECT index, unit, kind, subject, audience, header, body, salt FROM moved ORDER BY index
    )
    SELECT coalesce(string_agg(commitment, '' ORDER BY index), '') INTO commitments FROM moved;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("sync", "0008_proven_keys")]

    operations = [
        migrations.RunSQL(STATE, "DROP FUNCTION ledger_state"),
        migrations.RunSQL(MOVE, "DROP FUNCTION ledger_move"),
    ]
