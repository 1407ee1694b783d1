from django.db import migrations

# Moving answers with the state as well, read under the lock it took, so that a round asks once.
# The schema is cloned by replacing its name in function texts: keep the word out of them.
MOVE = """
CREATE FUNCTION ledger_move(
    lock_class integer, lock_number integer, most integer, chosen bigint[],
    OUT unit_code text, OUT log_name text, OUT key text, OUT grown bigint, OUT edge_now bytea, OUT slot bigint,
    OUT published bigint, OUT published_root bytea, OUT waiting boolean, OUT why_halted text, OUT commitments bytea
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    SELECT * INTO STRICT unit_code, log_name, key, grown, edge_now, slot, published, published_root, waiting, why_halted
    FROM ledger_state(lock_class, lock_number);
    IF chosen IS NULL THEN
        chosen := ARRAY(SELECT id FROM sync_pending WHERE NOT slotted ORDER BY id LIMIT most);
    END IF;
    WITH moved AS (
        DELETE FROM sync_pending USING unnest(chosen) WITH ORDINALITY AS given (id, place)
        WHERE sync_pending.id = given.id
        RETURNING grown + given.place - 1 AS index, sync_pending.*
    ),
    entered AS (INSERT INTO sync_entry (index, unit, commitment) SELECT index, unit, commitment FROM moved ORDER BY index),
    opened AS (
        INSERT INTO sync_opening (index, unit, kind, subject, audience, header, body, salt)
        SELECT index, unit, kind, subject, audience, header, body, salt FROM moved ORDER BY index
    )
    SELECT coalesce(string_agg(commitment, '' ORDER BY index), '') INTO commitments FROM moved;
END $$;
"""

# A head goes in behind a smaller one only: two that were signed one after the other may come here in either order.
PUBLISH = """
CREATE FUNCTION ledger_publish(lock_class integer, lock_number integer, new_size bigint, new_root bytea, new_note bytea)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(lock_class, lock_number);
    INSERT INTO sync_head (size, unit, root, note)
    SELECT new_size, unit, new_root, new_note FROM sync_log
    WHERE new_size > coalesce((SELECT size FROM sync_head ORDER BY size DESC LIMIT 1), -1);
    RETURN FOUND;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("sync", "0010_own_operator")]

    operations = [
        migrations.RunSQL(f"DROP FUNCTION ledger_move; {MOVE}", migrations.RunSQL.noop),
        migrations.RunSQL(PUBLISH, "DROP FUNCTION ledger_publish"),
    ]
