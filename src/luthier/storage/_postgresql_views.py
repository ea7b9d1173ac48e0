"""The views of `_sqlite_views` on PostgreSQL, where names carry a prefix.

The first four parts of the schema; a change needs a migration of its own.
"""

# PostgreSQL's jsonb refuses NUL and half surrogate pairs, which JSON and Python allow:
# they become the replacement character.
EVENTS = r"""
CREATE VIEW luthier_events AS
SELECT
    study,
    seq,
    data ->> 'event' AS event,
    CAST(data ->> 'number' AS bigint) AS number,
    CASE data ->> 'event' WHEN 'asked' THEN 1
        ELSE CAST(data ->> 'attempt' AS bigint) END AS attempt,
    CAST(data ->> 'step' AS bigint) AS step,
    CAST(data ->> 'time' AS double precision) AS time,
    data
FROM (
    SELECT name AS study, seq, CAST(
        CASE WHEN body ~* '\\u(0000|d[89a-f])' THEN regexp_replace(
            body,
            '\\u0000'
            '|\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f][0-9a-f]{2})'
            '|(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2}',
            '\\ufffd', 'gi'
        ) ELSE body END AS jsonb
    ) AS data
    FROM luthier_records JOIN luthier_studies ON study = id
) AS parsed
"""

TRIAL_EVENTS = """
CREATE VIEW luthier_trial_events AS
WITH starts AS (
    SELECT *,
        min(CASE event WHEN 'told' THEN seq END) OVER (PARTITION BY study, number) AS told,
        CASE WHEN event IN ('asked', 'resumed') AND 1 = row_number() OVER (
            PARTITION BY study, number, event IN ('asked', 'resumed'), attempt ORDER BY seq
        ) THEN attempt END AS start
    FROM luthier_events
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
FROM runs
"""

TRIALS = """
CREATE VIEW luthier_trials AS
WITH dynamic AS (
    SELECT study, bool_or(CAST(data #>> '{problem,space,partial}' AS boolean)) AS dynamic
    FROM luthier_events WHERE event = 'defined' GROUP BY study
), suggested AS (
    SELECT study, number, jsonb_object_agg(key, value) AS params
    FROM (
        SELECT DISTINCT ON (study, number, key) study, number, key, value
        FROM luthier_trial_events, jsonb_each(data -> 'values')
        WHERE event = 'suggested' AND run IS NOT DISTINCT FROM last_run
        ORDER BY study, number, key, seq DESC
    ) AS last
    GROUP BY study, number
), folded AS (
    SELECT study, number,
        (array_agg(data) FILTER (WHERE event = 'told'))[1] AS told,
        (array_agg(data) FILTER (WHERE start = 1))[1] AS asked,
        (array_agg(data) FILTER (WHERE event = 'enqueued'))[1] AS enqueued,
        (array_agg(data) FILTER (WHERE seq = stopped AND run = last_run))[1] AS stop,
        max(CASE WHEN start = last_run THEN time END) AS started,
        max(CASE event WHEN 'told' THEN time END) AS ended
    FROM luthier_trial_events
    GROUP BY study, number
)
SELECT
    study,
    number,
    CASE
        WHEN told IS NOT NULL THEN told ->> 'state'
        WHEN stop ->> 'event' = 'paused' THEN 'PAUSED'
        WHEN stop IS NOT NULL OR asked IS NULL THEN 'WAITING'
        ELSE 'RUNNING'
    END AS state,
    CAST(coalesce(told #>> '{values,0,float}', told #>> '{values,0}') AS double precision)
        AS value,
    told -> 'values' AS all_values,
    CASE WHEN dynamic AND asked ->> 'owner' IS NOT NULL
        THEN coalesce(params, '{}')
        ELSE coalesce(asked, enqueued) -> 'params'
    END AS params,
    started,
    ended,
    ended - started AS duration,
    coalesce(
        CASE WHEN told IS NOT NULL THEN told ->> 'error' ELSE stop ->> 'reason' END, ''
    ) AS error,
    CAST(asked ->> 'parent' AS bigint) AS parent
FROM folded LEFT JOIN dynamic USING (study) LEFT JOIN suggested USING (study, number)
WHERE coalesce(asked, enqueued) IS NOT NULL
"""

REPORTS = """
CREATE VIEW luthier_reports AS
WITH running AS (
    SELECT *, max(step) OVER (
        PARTITION BY study, number, run ORDER BY seq
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS step_before
    FROM luthier_trial_events
    WHERE event = 'reported' AND run = attempt AND (stopped IS NULL OR seq < stopped)
)
SELECT
    study,
    number,
    step,
    key AS metric,
    CAST(coalesce(value ->> 'float', value #>> '{}') AS double precision) AS value,
    time
FROM running, jsonb_each(data -> 'metrics')
WHERE (step_before IS NULL OR step > step_before) AND (kept_to IS NULL OR step <= kept_to)
"""

VIEWS = (EVENTS, TRIAL_EVENTS, TRIALS, REPORTS)
