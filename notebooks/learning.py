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
            y=alt.Y("completion_rate:Q", title="completed, of those decided").scale(domain=[0, 1]).axis(format="%"),
            color=alt.Color("format:N"),
            tooltip=["quarter:O", "format:N", "completed:Q", "not_completed:Q", "attendance_rate:Q"],
        )
        .properties(width=500)
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

        The figures of the `autonomy` report, as they left the statistics gate: teams of fewer than five answers are in
        none of them, and means that the gate gives as a bound only ("≥ 4.8") are left out of the charts. First each
        wave by telework band, over the line of all teams shown; the line is broken where the questionnaire changed
        without a map.
        """
    )


@app.cell
def _(duckdb, engines, lake):
    autonomy = engines.run(duckdb, lake, "autonomy", {})
    measured = [row for row in autonomy.rows if isinstance(row["mean"], int | float)]
    return autonomy, measured


@app.cell
def _(alt, measured):
    bands = ["0%", "<=20%", "<=50%", "<100%", "100%"]
    in_words = alt.Header(labelExpr="replace(datum.label, '_', ' ')", labelFontWeight="bold")
    dimensions = ["scheduling", "decision_making", "work_methods", "team_autonomy"]

    def unbroken(rows):
        """The rows in order of their waves, each with the number of breaks before it."""
        breaks = {}
        for row in sorted(rows, key=lambda row: row["released_on"]):
            breaks[row["dimension"]] = breaks.get(row["dimension"], 0) + row["series_broken"]
            yield {**row, "series": breaks[row["dimension"]]}

    of_all = list(unbroken(row for row in measured if row["scope"] == "all_teams"))
    of_bands = [row for row in measured if row["scope"] == "band"]
    wave = alt.X("released_on:O", title="wave").axis(labelAngle=-45)
    mean = alt.Y("mean:Q", title="mean (1-5)").scale(domain=[2, 4.5])
    over_time = alt.layer(
        alt.Chart().transform_filter("datum.scope == 'all_teams'").mark_line(color="grey", point={"color": "grey", "size": 15}).encode(x=wave, y=mean)
        .encode(detail="series:N"),
        alt.Chart().transform_filter("datum.scope == 'band'").mark_point(filled=True, size=90).encode(
            x=wave, y=mean,
            color=alt.Color("band:N", title="days at home", sort=bands).scale(domain=bands, scheme="viridis"),
            tooltip=["released_on:O", "band:N", "mean:Q", "n:Q", "telework_share:Q", "regime:N"],
        ),
    ).properties(width=300, height=180)  # fmt: skip
    autonomy_chart = over_time.facet(
        data=alt.InlineData(values=[*of_all, *of_bands]),
        facet=alt.Facet("dimension:N", title=None, sort=dimensions, header=in_words),
        columns=2,
        title="Autonomy by telework band, and of all teams shown (grey)",
    )
    autonomy_chart  # noqa: B018
    return autonomy_chart, dimensions, in_words


@app.cell
def _(mo):
    mo.md(
        """
        Then each team in the first wave after telework came: by how much more it worked at home than in the wave
        before, and by how much its mean moved, where the gate gives a change.
        """
    )


@app.cell
def _(alt, dimensions, in_words, measured):
    arrived = "2020-03-16"
    of_teams = [row for row in measured if row["scope"] == "team" and row["telework_share"] is not None]
    days = sorted({row["released_on"] for row in of_teams})
    after = next((day for day in days if day > arrived), None)
    before = max((day for day in days if day < arrived), default=None)
    share_before = {row["team"]: row["telework_share"] for row in of_teams if row["released_on"] == before}
    turned = [
        {
            "team": row["team"],
            "dimension": row["dimension"],
            "more_telework": row["telework_share"] - share_before[row["team"]],
            "change": row["change"],
        }
        for row in of_teams
        if row["released_on"] == after and row["change"] is not None and row["team"] in share_before
    ]
    points = (
        alt.Chart()
        .mark_circle(size=70, opacity=0.8)
        .encode(
            x=alt.X("more_telework:Q", title="more of the days at home")
            .axis(format="+%")
            .scale(zero=False, padding=12),
            y=alt.Y("change:Q", title="change of the mean").axis(format="+.1f"),
            tooltip=["more_telework:Q", "change:Q"],
        )
    )
    level = alt.Chart().mark_rule(color="grey", strokeDash=[4, 4]).encode(y=alt.datum(0))
    turn_chart = (
        alt.layer(level, points)
        .properties(width=300, height=180)
        .facet(
            data=alt.InlineData(values=turned),
            facet=alt.Facet("dimension:N", title=None, sort=dimensions, header=in_words),
            columns=2,
            title=f"Teams from the wave of {before} to that of {after}",
        )
    )
    turn_chart  # noqa: B018
    return turn_chart, turned


@app.cell
def _(autonomy, mo):
    mo.md("\n".join(f"- {note}" for note in autonomy.notes))


@app.cell
def _(mo):
    mo.md(
        """
        ## What did waiting lists do to newcomers?

        Every wait for a seat that has ended, by whether the person had completed a module before: who got a seat in that
        session, whose wait lapsed when it began or was called off with it, who gave up, who was given a seat elsewhere
        (or left). Groups under five are left out, so bars show how many there were and not shares.
        """
    )


@app.cell
def _(alt, duckdb, lake):
    told = duckdb.rows(
        """
        with firsts as (
            select member, min(occurred_at) as completed_at from enrolments where completed > 0 group by member
        ),
        waited as (
            select e.session, e.member, min(e.occurred_at) filter (where e.waitlisted > 0) as since,
                sum(e.promoted) as promoted, sum(e.lapsed) as lapsed, sum(e.withdrawn) as withdrawn,
                sum(e.cancelled) as cancelled
            from enrolments e
            group by e.session, e.member
            having sum(e.waitlisted) > 0 and sum(e.waiting) = 0
        ),
        arranged as (
            select session, year from sessions group by session, year having sum(sign) > 0
        ),
        told as (
            select
                case when f.completed_at <= w.since then 'has learnt' else 'newcomer' end as who,
                case
                    when w.promoted > 0 then 'got a seat' when w.lapsed > 0 then 'lapsed'
                    when w.withdrawn > 0 then 'gave up' when w.cancelled > 0 then 'called off' else 'seat elsewhere'
                end as outcome,
                s.year,
                case
                    when f.completed_at > w.since and f.completed_at <= w.since + interval 180 day then 'within half a year'
                    when f.completed_at > w.since then 'later' else 'not yet'
                end as first_module
            from waited w
            join arranged s on s.session = w.session
            left join firsts f on f.member = w.member
        )
        select who, outcome, year, first_module, count(*) as waits
        from told
        group by who, outcome, year, first_module
        order by who, outcome, year, first_module
        """,
        {},
    )

    def counted(rows, *columns):
        """How many waits there are of each kind; kinds with fewer than the minimum group are left out."""
        counts = {}
        for row in rows:
            kind = tuple(row[column] for column in columns)
            counts[kind] = counts.get(kind, 0) + row["waits"]
        found = [dict(zip(columns, kind, strict=True)) | {"waits": waits} for kind, waits in counts.items()]
        return [row for row in found if row["waits"] >= lake.manifest.min_group]

    waits = counted(told, "who", "outcome", "year")
    outcomes = ["got a seat", "seat elsewhere", "gave up", "called off", "lapsed"]
    waits_chart = (
        alt.Chart(alt.InlineData(values=waits), title="What became of waits")
        .mark_bar()
        .encode(
            x=alt.X("year:O", title="year of the first slot").axis(labelAngle=0),
            y=alt.Y("waits:Q", title="waits"),
            color=alt.Color("outcome:N", title=None).scale(
                domain=outcomes, range=["#2c7fb8", "#7fcdbb", "#fdae61", "#9e6ebd", "#d9d9d9"]
            ),
            order=alt.Order("outcome:N"),
            column=alt.Column("who:N", title=None, sort="descending"),
            tooltip=["who:N", "outcome:N", "year:O", "waits:Q"],
        )
        .properties(width=220)
    )
    waits_chart  # noqa: B018
    return counted, told, waits, waits_chart


@app.cell
def _(mo):
    mo.md(
        """
        And what came after: when those newcomers completed their first module, if they did, by what had become of their
        wait. Whoever waited several times is counted each time.
        """
    )


@app.cell
def _(alt, counted, told):
    order = ["within half a year", "later", "not yet"]
    after_waits = [
        {**row, "when": order.index(row["first_module"])}
        for row in counted([row for row in told if row["who"] == "newcomer"], "outcome", "first_module")
    ]
    after_chart = (
        alt.Chart(alt.InlineData(values=after_waits), title="Newcomers' first module after a wait")
        .mark_bar()
        .encode(
            y=alt.Y("outcome:N", title="what became of the wait"),
            x=alt.X("waits:Q", title="waits"),
            color=alt.Color("first_module:N", title="first module completed", sort=order).scale(
                domain=order, range=["#2c7fb8", "#a1dab4", "#d9d9d9"]
            ),
            order=alt.Order("when:Q"),
            tooltip=["outcome:N", "first_module:N", "waits:Q"],
        )
        .properties(width=420)
    )
    after_chart  # noqa: B018
    return after_chart, after_waits


@app.cell
def _(after_waits, mo):
    of_lapsed = {row["first_module"]: row["waits"] for row in after_waits if row["outcome"] == "lapsed"}
    soon = of_lapsed.get("within half a year", 0) / max(sum(of_lapsed.values()), 1)
    mo.md(
        f"Of newcomers' waits that lapsed, {soon:.0%} were followed by a first module within half a year"
        if len(of_lapsed) == 3
        else "Too few newcomers waited in vain to say what came after."
    )
    return (soon,)


if __name__ == "__main__":
    app.run()
