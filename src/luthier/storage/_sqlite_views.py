"""Views over the JSON of events, for people who query the file by hand.

They say what `luthier.model.ledger.Ledger` says: the first result of a trial counts,
reports of an attempt that is over do not, and a resumed trial loses the reports after the
step from which it goes on.

What SQLite cannot show: NaN is NULL, params of define-by-run trials have 15 digits, a text
ends at NUL, and half a surrogate pair is no valid UTF-8.
"""

VIEWS = """
-- One row a record.
CREATE VIEW events AS
SELECT
    name AS study,
    seq,
    json_extract(body, '$.event') AS event,
    json_extract(body, '$.number') AS number,
    CASE json_extract(body, '$.event') WHEN 'asked' THEN 1
        ELSE json_extract(body, '$.attempt') END AS attempt,
    json_extract(body, '$.step') AS step,
    json_extract(body, '$.time') AS time,
    body
FROM records JOIN studies ON study = id;

-- The events of trials that count, each with the attempt (run) that was on, the record
-- that paused or released this attempt, and the step above which later attempts began anew.
CREATE VIEW trial_events AS
WITH starts AS (
    SELECT *,
        min(CASE event WHEN 'told' THEN seq END) OVER (PARTITION BY study, number) AS told,
        CASE WHEN event IN ('asked', 'resumed') AND 1 = row_number() OVER (
            PARTITION BY study, number, event IN ('asked', 'resumed'), attempt ORDER BY seq
        ) THEN attempt END AS start
    FROM events
    WHERE event IN
        ('enqueued', 'asked', 'suggested', 'reported', 'paused', 'resumed', 'released', 'told')
), runs AS (
    SELECT *,
        max(start) OVER (PARTITION BY study, number ORDER BY seq) AS run,
        max(start) OVER (PARTITION BY study, number) AS last_run,
        min(CASE WHEN start > 1 THEN coalesce(step, -1) END) OVER (
            PARTITION BY study, number ORDER BY seq
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS kept_to
    FROM starts WHERE told IS NULL OR seq <= told
)
SELECT *,
    min(CASE WHEN event IN ('paused', 'released') AND coalesce(attempt, run) = run THEN seq END)
        OVER (PARTITION BY study, number, run) AS stopped
FROM runs;

CREATE VIEW trials AS
WITH dynamic AS (
    SELECT study, max(json_extract(body, '$.problem.space.partial')) AS dynamic
    FROM events WHERE event = 'defined' GROUP BY study
), suggested AS (
    SELECT study, number, json_group_object(
        key, CASE type WHEN 'true' THEN json('true') WHEN 'false' THEN json('false')
            WHEN 'object' THEN json(value) WHEN 'array' THEN json(value) ELSE value END
    ) AS params
    FROM (
        -- With max() SQLite takes the other columns from the same row: the last one counts.
        SELECT study, number, key, type, value, max(seq)
        FROM trial_events, json_each(body, '$.values')
        WHERE event = 'suggested' AND run IS last_run
        GROUP BY study, number, key
    )
    GROUP BY study, number
), folded AS (
    SELECT study, number,
        max(CASE event WHEN 'told' THEN body END) AS told,
        max(CASE event WHEN 'asked' THEN body END) AS asked,
        max(CASE event WHEN 'enqueued' THEN body END) AS enqueued,
        max(CASE WHEN seq = stopped AND run = last_run THEN body END) AS stop,
        max(CASE WHEN start = last_run THEN time END) AS started,
        max(CASE event WHEN 'told' THEN time END) AS ended
    FROM trial_events
    -- A second record that asks for the same trial changes nothing.
    WHERE event <> 'asked' OR start = 1
    GROUP BY study, number
)
SELECT
    study,
    number,
    CASE
        WHEN told IS NOT NULL THEN json_extract(told, '$.state')
        WHEN json_extract(stop, '$.event') = 'paused' THEN 'PAUSED'
        WHEN stop IS NOT NULL OR asked IS NULL THEN 'WAITING'
        ELSE 'RUNNING'
    END AS state,
    CASE json_type(told, '$.values[0]') WHEN 'object'
        THEN CASE json_extract(told, '$.values[0].float')
            WHEN 'inf' THEN 9e999 WHEN '-inf' THEN -9e999 END
        ELSE json_extract(told, '$.values[0]')
    END AS value,
    json_extract(told, '$.values') AS all_values,
    CASE WHEN dynamic AND json_extract(asked, '$.owner') IS NOT NULL
        THEN coalesce(params, '{}')
        ELSE json_extract(coalesce(asked, enqueued), '$.params')
    END AS params,
    started,
    ended,
    ended - started AS duration,
    coalesce(
        CASE WHEN told IS NOT NULL THEN json_extract(told, '$.error')
            ELSE json_extract(stop, '$.reason') END, ''
    ) AS error,
    json_extract(asked, '$.parent') AS parent
FROM folded LEFT JOIN dynamic USING (study) LEFT JOIN suggested USING (study, number)
WHERE coalesce(asked, enqueued) IS NOT NULL;

CREATE VIEW reports AS
WITH running AS (
    SELECT *, max(step) OVER (
        PARTITION BY study, number, run ORDER BY seq
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS step_before
    FROM trial_events
    WHERE event = 'reported' AND run = attempt AND (stopped IS NULL OR seq < stopped)
)
SELECT
    study,
    number,
    step,
    key AS metric,
    CASE type WHEN 'object'
        THEN CASE json_extract(value, '$.float') WHEN 'inf' THEN 9e999 WHEN '-inf' THEN -9e999 END
        ELSE value
    END AS value,
    time
FROM running, json_each(body, '$.metrics')
WHERE (step_before IS NULL OR step > step_before) AND (kept_to IS NULL OR step <= kept_to);
"""
