"""From what was seen to tables."""

import statistics

BASE = "nginx"
REFUSED = "gateway, a script without a session"


def middle(row, what, of="rounds"):
    """The median; `None` where it was not measured."""
    rounds = row.get(of)
    return statistics.median(each[what] for each in rounds) if rounds else None


def ratio(seen, one, other, what="rate", of="rounds"):
    """`one` to `other`, by their medians."""
    above, below = (middle(seen.get(name, {}), what, of) for name in (one, other))
    return above / below if above is not None and below else None


def goals(results):
    """What PERFORMANCE asks for, as measured: what, the value, the goal, whether it is met (`None`: not measured)."""
    seen, storm, grown = results["matrix"], results["sign_ins"], results["sessions"]
    signed_in, authed = "gateway, signed in", "nginx + auth_request"
    at_least = [
        ("signed in, to public", ratio(seen, signed_in, "gateway, public"), 0.95),
        ("signed in, to nginx + auth_request", ratio(seen, signed_in, authed), 1.1),
        ("signed in, to nginx asking the gateway on one core",
         ratio(seen, signed_in, "nginx + auth_request to the gateway, one core"), 1.8),
        ("signed in, to nginx", ratio(seen, signed_in, "nginx"), 0.7),
        ("signed in, to Traefik + forwardAuth", ratio(seen, signed_in, "Traefik + forwardAuth"), 6),
        ("signed in, to Caddy + forward_auth", ratio(seen, signed_in, "Caddy + forward_auth"), 6),
        ("signed in, to Envoy + ext_authz", ratio(seen, signed_in, "Envoy + ext_authz"), 3),
        ("TLS signed in, to nginx TLS + auth_request",
         ratio(seen, "gateway TLS, signed in", "nginx TLS + auth_request"), 1.1),
        ("forward-auth, to nginx answering by itself", ratio(seen, "gateway, forward-auth", "nginx answers by itself"), 0.9),
        ("nginx asking the gateway, to nginx asking the trivial server",
         ratio(seen, "nginx + auth_request to the gateway", authed), 0.9),
        ("without a session, to a forwarded request", ratio(seen, "gateway, a page without a session", signed_in), 1.0),
        ("signed in, 16 KiB, to nginx, 16 KiB", ratio(seen, "gateway, signed in, 16 KiB", "nginx, 16 KiB"), 0.8),
        ("uploads by HTTP/2, to those by HTTP/1.1", _uploads(results["uploads"]), 0.7),
        ("sign-ins a second", storm["most"]["rate"], 2000),
        ("sign-ins with PostgreSQL, to those with the embedded store", ratio_of_stores(results["by_store"], "PostgreSQL"), 0.5),
    ]  # fmt: skip
    alone = [middle(seen.get(name, {}), "p50_us", "alone") for name in (signed_in, "gateway, public")]
    added = alone[0] - alone[1] if None not in alone else None
    idle, weighed = results["memory"]["idle"]["gateway"], results["memory"]["weighed"]
    at_most = [
        ("latency added to public with one connection, p50 µs", added, 8),
        ("latency with one connection, to nginx + auth_request", ratio(seen, signed_in, authed, "p50_us", "alone"), 0.7),
        ("p99 of sign-ins at half the rate, ms", storm["half"]["p99_ms"], 50),
        ("p99 of requests beside sign-ins at half the rate, to quiet", storm["beside_half"]["p99_us"] / storm["quiet"]["p99_us"], 2),
        ("bytes an idle connection", idle["bytes_a_connection"], 45_000),
        ("resident at rest, MB", idle["at_rest_mb"], 20),
        ("bytes a session", weighed["bytes_a_session"], 220),
        ("resident with every session used, MB", grown[-1]["resident_mb"], 320),
        ("ready with every session in the store, seconds", grown[-1]["ready_seconds"], 1),
    ]  # fmt: skip
    flat = _of_sessions(grown, max(each["sessions"] for each in grown)) / _of_sessions(grown, 10_000)
    at_least.append((f"{grown[-1]['sessions']:,} sessions, to 10,000", flat, 0.9))
    return [(what, value, f"≥ {goal:,}", None if value is None else value >= goal) for what, value, goal in at_least] + [
        (what, value, f"≤ {goal:,}", None if value is None else value <= goal) for what, value, goal in at_most
    ]


def ratio_of_stores(seen, name):
    """Sign-ins a second with a store, to those with the embedded one."""
    return statistics.median(each["rate"] for each in seen[name]) / statistics.median(
        each["rate"] for each in seen["the embedded store"]
    )


def _by_store(seen):
    def of(rounds, what):
        return statistics.median(each[what] for each in rounds)

    head = ["store", "sign-ins a second", "to the embedded", "p50 ms", "p99 ms", "CPU µs of the gateway", "turned away", "failed"]
    return _table(head, [[
        name, f"{of(rounds, 'rate'):,.0f} ({min(e['rate'] for e in rounds):,.0f}–{max(e['rate'] for e in rounds):,.0f})",
        _number(ratio_of_stores(seen, name), 2), _number(of(rounds, "p50_ms"), 1), _number(of(rounds, "p99_ms"), 1),
        _number(of(rounds, "cpu_us")), _number(sum(e["turned_away"] for e in rounds)), _number(sum(e["failed"] for e in rounds)),
    ] for name, rounds in seen.items()])  # fmt: skip


def database(results):
    """What was seen of databases alone, as Markdown."""
    grown = results["grown"]
    head = ["sessions", "accounts", "sign-ins a second", "p99 ms", "ready after s", "sweep of nothing s", "database MB"]
    table = _table(head, [[
        f"{point['sessions']:,}", f"{point['accounts']:,}", _number(point["storm"]["rate"]), _number(point["storm"]["p99_ms"], 1),
        _number(point["ready_seconds"], 3), _number(point["sweep_of_nothing_seconds"], 5), _number(point["database_mb"]),
    ] for point in grown])  # fmt: skip
    parts = [_machine(results), "## Sign-ins, by store", _by_store(results["by_store"]), "## Growth", table]
    return "\n\n".join(parts) + "\n"


def _uploads(seen):
    return statistics.median(seen["HTTP/2"]) / statistics.median(seen["HTTP/1.1"])


def _of_sessions(points, number):
    return next(middle(point, "rate") for point in points if point["sessions"] == number)


def text(results):
    """Everything as Markdown."""
    return "\n\n".join([
        _machine(results), "## Side by side", _matrix(results["matrix"]), "## Sign-ins", _sign_ins(results["sign_ins"]),
        "## Sign-ins, by store", _by_store(results["by_store"]),
        "## Growth", _sessions(results["sessions"]), _accounts(results["accounts"]),
        "## Uploads", _rates(results["uploads"]), "## Memory", _memory(results["memory"]), "## Goals", _goals(goals(results)),
    ]) + "\n"  # fmt: skip


def _machine(results):
    machine, size = results["machine"], results["size"]
    parts = [f"- {name}: {value}" for name, value in machine.items()]
    how = f"Medians (and ranges) of {size['launches']} launches with rounds of {size['seconds']} s."
    return "\n".join([f"# {results['date']}", "", how, "", *parts])


def _matrix(seen):
    rows = []
    for name, row in seen.items():
        if "rounds" not in row:
            rows.append([name, f"not measured: {row.get('wrong', ['no round came to its end'])[0][:90]}", *[""] * 7])
            continue
        rates = [each["rate"] for each in row["rounds"]]
        alone = middle(row, "p50_us", "alone")
        errors = sum(each["errors"] for each in row["rounds"])
        # wrk counts answers of 400 and above, and one row is about them.
        wrong = 0 if name == REFUSED else errors
        rows.append([
            name, f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})",
            _number(ratio(seen, name, BASE), 2), _number(middle(row, "cpu_us"), 1), _number(middle(row, "p50_us")),
            _number(middle(row, "p99_us")), _number(alone), _number(middle(row, "resident_mb")), _number(wrong),
        ])  # fmt: skip
    head = ["", "requests a second", "to nginx", "CPU µs", "p50 µs", "p99 µs", "p50 µs, one connection", "MB", "errors"]
    return _table(head, rows)


def _sign_ins(seen):
    storms = [[
        name, _number(storm["rate"]), _number(storm["p50_ms"], 1), _number(storm["p99_ms"], 1),
        _number(storm.get("cpu_us")), str(storm["turned_away"]), str(storm["failed"]),
    ] for name, storm in {"as fast as they go": seen["most"], "at half of that": seen["half"]}.items()]  # fmt: skip
    head = ["", "sign-ins a second", "p50 ms", "p99 ms", "CPU µs", "turned away", "failed"]
    names = {
        "quiet": "4 connections, without sign-ins", "beside_half": "4 connections, beside half of the sign-ins",
        "beside_most": "4 connections, beside all of them",
        "flood": "64 connections, beside half of the sign-ins",
    }  # fmt: skip
    others = [[
        name, _number(seen[key]["p50_us"]), _number(seen[key]["p99_us"]), _number(seen[key].get("sign_ins_rate")),
        _number(seen[key].get("sign_ins_p99_ms"), 1), _number(seen[key].get("sign_ins_turned_away")),
    ] for key, name in names.items()]  # fmt: skip
    beside = ["requests of others", "p50 µs", "p99 µs", "sign-ins a second meanwhile", "their p99 ms", "turned away"]
    return _table(head, storms) + "\n\n" + _table(beside, others)


def _sessions(points):
    head = ["sessions", "requests a second, at random", "used before", "first uses a second", "resident MB", "ready after s",
            "store MB", "sweep of nothing s", "sweep of a thousand s"]  # fmt: skip
    return _table(head, [[
        f"{point['sessions']:,}", _number(middle(point, "rate")), _number(point["used"]), _number(point["first_use_a_second"]),
         _number(point["resident_mb"]), _number(point["ready_seconds"], 3),
        _number(point["store_mb"], 1), _number(point["sweep_of_nothing_seconds"], 4), _number(point["sweep_seconds"], 4),
    ] for point in points])  # fmt: skip


def _accounts(points):
    head = ["accounts", "sign-ins a second", "p99 ms", "resident MB", "ready after s", "store MB"]
    return _table(head, [[
        f"{point['accounts']:,}", _number(point["storm"]["rate"]), _number(point["storm"]["p99_ms"], 1),
        _number(point["resident_mb"]), _number(point["ready_seconds"], 3), _number(point["store_mb"], 1),
    ] for point in points])  # fmt: skip


def _rates(uploads):
    return _table(["", "MB a second"], [[
        version, f"{statistics.median(rates) / 1e6:,.0f} ({min(rates) / 1e6:,.0f}–{max(rates) / 1e6:,.0f})"
    ] for version, rates in uploads.items()])  # fmt: skip


def _memory(seen):
    head = ["", "MB at rest", "bytes an idle connection"]
    idle = [[name, _number(row["at_rest_mb"], 1), _number(row["bytes_a_connection"])] for name, row in seen["idle"].items()]
    weighed = seen["weighed"]
    session = f"A session takes {weighed['bytes_a_session']:,} bytes, its kept token {weighed['bytes_a_kept_token']:,}."
    return f"{_table(head, idle)}\n\n{session}"


def _goals(goals):
    said = {True: "met", False: "missed", None: "not measured"}
    return _table(["", "measured", "goal", ""], [[what, _number(value, 2), goal, said[met]] for what, value, goal, met in goals])


def _number(value, digits=0):
    return "" if value is None else f"{value:,.{digits}f}"


def _table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
