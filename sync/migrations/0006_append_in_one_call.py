from django.db import migrations

# One call of a function whose plans the session keeps costs half of one statement that is planned each time.
# Each inner statement sees what was committed while it waited for the chain's row. A record follows a waiting one of
# its subject into the slot, or it would overtake it. (Counting, not EXISTS: without statistics the planner would
# expect an early hit and read the whole table.)
# The schema is cloned by replacing its name in function texts: keep the word out of them.
APPEND = """
CREATE FUNCTION ledger_append(
    new_unit text, new_origin text, new_slotted boolean, new_kind text, new_subject text, new_audience text,
    new_n bigint, new_prev bytea, new_commitment bytea, new_header bytea, new_body bytea, new_salt bytea
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    named text;
    chained boolean := false;
    otherwise text[];
BEGIN
    SELECT origin INTO STRICT named FROM sync_log;
    IF named = new_origin THEN
        IF new_n = 1 THEN
            INSERT INTO sync_chain (unit, subject, audience, n, last)
            VALUES (new_unit, new_subject, new_audience, 1, new_commitment) ON CONFLICT (subject, audience) DO NOTHING;
        ELSE
            UPDATE sync_chain SET n = new_n, last = new_commitment
            WHERE subject = new_subject AND audience = new_audience AND n = new_n - 1 AND last = new_prev;
        END IF;
        chained := FOUND;
    END IF;
    IF chained THEN
        INSERT INTO sync_pending (unit, slotted, kind, subject, audience, commitment, header, body, salt)
        VALUES (
            new_unit, new_slotted OR (SELECT count(*) > 0 FROM sync_pending WHERE slotted AND subject = new_subject),
            new_kind, new_subject, new_audience, new_commitment, new_header, new_body, new_salt
        );
        RETURN NULL;
    END IF;
    SELECT ARRAY[named, n::text, encode(last, 'hex')] INTO otherwise FROM sync_chain
    WHERE subject = new_subject AND audience = new_audience;
    RETURN coalesce(otherwise, ARRAY[named, NULL, NULL]);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("sync", "0005_erasures_and_handovers")]

    operations = [migrations.RunSQL(APPEND, "DROP FUNCTION ledger_append")]
