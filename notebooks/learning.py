"""Three questions on how a school learns, asked of a lake. Open it with `marimo edit notebooks/learning.py`.

The lake is the one that COOPSCHOOL_LAKE names (default: `lake`, as `coopschool export lake` makes it). All figures are
those of the reports; the demo's school is invented, and so is what is found here.
"""

import marimo

app = marimo.App(width="medium", app_title="How the school learns")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import marimo as mo

    from projections import engines
    from projections.engines.duckdb import DuckDB
    from projections.lake import open_lake

    lake = open_lake(Path(os.environ.get("COOPSCHOOL_LAKE", "lake")))
    duckdb = DuckDB(lake)
    return alt, duckdb, engines, lake, mo


@app.cell
def _(lake, mo):
    mo.md(
        f"""
        # How the school learns

        Release `{lake.manifest.release}`, up to position {lake.manifest.position} of the log. People and sessions have
        other names here; facts carry exact moments, so this lake is for researchers bound by their grant, not for
        publication.
        """
    )


@app.cell
def _(mo):
    mo.md(
        """
        ## How did completion change with the move online in 2020?

        Sessions by the quarter of their first slot and their format. A rate without anybody behind it is left out.
        """
    )


@app.cell
def _(alt, duckdb, engines, lake):
    completion = [
        row
        for row in engines.run(duckdb, lake, "progress", {"group_by": "quarter,format"}).rows
        if row["completion_rate"] is not None
    ]
    completion_chart = (
        alt.Chart(alt.InlineData(values=completion), title="Completion by quarter and format")
        .mark_line(point=True)
        .encode(
            x=alt.X("quarter:O", title="quarter of the first slot"),
            y=alt.Y("completion_rate:Q", title="completed, of those decided").scale(domain=[0, 1]),
            color=alt.Color("format:N"),
            tooltip=["quarter:O", "format:N", "completed:Q", "not_completed:Q", "attendance_rate:Q"],
        )
    )
    completion_chart  # noqa: B018 - a notebook shows the last expression of a cell
    return completion, completion_chart


@app.cell
def _(duckdb, engines, lake, mo):
    def rate_of(period):
        """Completed, of those decided, in a quarter over all formats; None where nothing was decided."""
        found = engines.run(duckdb, lake, "progress", {"group_by": "quarter", "period": period}).rows
        return found[0]["completion_rate"] if found else None

    turn = {period: rate_of(period) for period in ("2019Q2", "2020Q2", "2021Q2")}
    mo.md(
        "Spring before, during and after: "
        + ", ".join(f"{period}: {'none' if rate is None else f'{rate:.0%}'}" for period, rate in turn.items())
    )
    return (turn,)


@app.cell
def _(mo):
    mo.md(
        """
        ## Autonomy against telework

        Teams' autonomy leaves through the statistics gate only: as figures in a release, never as facts. This section
        follows with those figures.
        """
    )


@app.cell
def _(mo):
    mo.md(
        """
        ## What did waiting lists do to newcomers?

        Everybody who waited for a seat, by whether they had completed a module before: who got a seat in that session,
        whose wait lapsed when it began, who gave up. Groups under five are left out.
        """
    )


@app.cell
def _(alt, duckdb, lake):
    waits = duckdb.rows(
        """
        with firsts as (
            select member, min(occurred_at) as completed_at from enrolments where completed > 0 group by member
        ),
        waited as (
            select e.session, e.member, min(e.occurred_at) filter (where e.waitlisted > 0) as since,
                sum(e.promoted) as promoted, sum(e.lapsed) as lapsed, sum(e.withdrawn) as withdrawn
            from enrolments e
            group by e.session, e.member
            having sum(e.waitlisted) > 0
        ),
        arranged as (
            select session, year from sessions group by session, year having sum(sign) > 0
        ),
        told as (
            select
                case when f.completed_at <= w.since then 'has learnt' else 'newcomer' end as who,
                case
                    when w.promoted > 0 then 'got a seat' when w.lapsed > 0 then 'lapsed'
                    when w.withdrawn > 0 then 'gave up' else 'ended otherwise'
                end as outcome,
                s.year
            from waited w
            join arranged s on s.session = w.session
            left join firsts f on f.member = w.member
        )
        select who, outcome, year, count(*) as waits
        from told
        group by who, outcome, year
        having count(*) >= $min_group
        order by who, outcome, year
        """,
        {"min_group": lake.manifest.min_group},
    )
    waits_chart = (
        alt.Chart(alt.InlineData(values=waits), title="What became of waits")
        .mark_bar()
        .encode(
            x=alt.X("year:O", title="year of the first slot"),
            y=alt.Y("waits:Q", stack="normalize", title="share of waits"),
            color=alt.Color("outcome:N"),
            column=alt.Column("who:N", title=None),
            tooltip=["who:N", "outcome:N", "year:O", "waits:Q"],
        )
    )
    waits_chart  # noqa: B018
    return waits, waits_chart


if __name__ == "__main__":
    app.run()
