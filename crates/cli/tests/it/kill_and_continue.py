"""Kills a reader between two pages of recorded connectors, goes on from its last states, and compares with one read.

  kill_and_continue.py FOLDER PROGRAM [NAME ... | 1/4]

Without names, of all recordings; with 1/4, of every fourth. FOLDER holds the recordings with their platform (run.py), PROGRAM is `patchbay`. What counts of a reader that was killed
are the records before the last state of their stream. Prints what differs and ends with 1 if anything does.
"""
import collections, glob, json, os, random, re, subprocess, sys, tempfile

folder, program, names = sys.argv[1], sys.argv[2], sys.argv[3:]
every = int(names.pop()[2:]) if names and names[0].startswith("1/") else 1
sys.path.insert(0, folder)
import run as recordings  # noqa: E402

NOW = "2026-01-15T12:34:56Z"


def read(paths, most):
    """Reads until so many states have come, then kills. Gives settled records, last states and finished streams."""
    command = [program, "connector", "read", "--every-page", "--now", NOW]
    for name, path in paths.items():
        command += ["--" + name, path]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    settled, open_, states, over, seen = collections.Counter(), collections.defaultdict(list), {}, set(), 0
    for line in reader.stdout:
        message = json.loads(line)
        if message["type"] == "RECORD":
            stream = message["record"]["stream"]
            open_[stream].append(recordings.canonical([stream, message["record"]["data"]]))
        elif message["type"] == "STATE":
            stream = message["state"]["stream"]["stream_descriptor"]["name"]
            states[stream] = message
            settled.update(open_.pop(stream, []))
            seen += 1
            if most is not None and seen >= most:
                reader.kill()
                break
        elif message["type"] == "TRACE":
            status = message["trace"].get("stream_status", {})
            if status.get("status") in ("COMPLETE", "INCOMPLETE"):
                over.add(status["stream_descriptor"]["name"])
    reader.stdout.close()
    reader.wait()
    return settled, states, over, seen


def check(path):
    with open(path) as f:
        case = json.load(f)
    server, base, asked, routes = recordings.platform()
    server.handle_error = lambda *_: None  # who is killed does not say good-bye
    try:
        here = lambda value: json.loads(json.dumps(value).replace(recordings.RECORDED_BASE, base))
        routes.extend({**r, "rx": re.compile(r["rx"].replace(re.escape(recordings.RECORDED_BASE), re.escape(base)))}
                      for r in case["platform"])
        with tempfile.TemporaryDirectory() as scratch:
            paths = {}

            def put(name, value):
                paths[name] = os.path.join(scratch, name)
                with open(paths[name], "w") as f:
                    json.dump(value, f)

            for name in ("manifest", "config", "catalog"):
                put(name, here(case[name]))
            whole, _, _, pages = read(paths, None)
            rng = random.Random(os.path.basename(path))
            for _ in range(2):
                paths.pop("state", None)
                asked.clear()
                killed_at = [rng.randint(1, max(pages - 1, 1))]
                records, states, over, _ = read(paths, killed_at[0])
                for life in range(3):
                    done = {name for name, message in states.items()
                            if "patchbay_place" not in message["state"]["stream"]["stream_state"]} | over
                    rest = [s for s in here(case["catalog"])["streams"] if s["stream"]["name"] not in done]
                    if not rest:
                        break
                    put("catalog", {"streams": rest})
                    put("state", list(states.values()))
                    most = rng.randint(1, 4) if life < 2 else None
                    killed_at.append(most)
                    more, later, over_then, _ = read(paths, most)
                    records.update(more)
                    states.update(later)
                    over |= over_then
                put("catalog", here(case["catalog"]))
                if records != whole:
                    missing, extra = whole - records, records - whole
                    return "killed after %s of %d states: %d missing, %d extra; missing %s; extra %s" % (
                        killed_at, pages, sum(missing.values()), sum(extra.values()),
                        next(iter(missing), "")[:300], next(iter(extra), "")[:300])
        return None
    finally:
        server.shutdown()
        server.server_close()


failed = checked = 0
for path in sorted(glob.glob(os.path.join(folder, "cases", "*.json")))[::every]:
    name = os.path.basename(path)[:-5]
    if names and name not in names:
        continue
    problem = check(path)
    checked += 1
    if problem:
        failed += 1
        print("%-30s %s" % (name, problem), flush=True)
print("%d of %d connectors go on to the same records" % (checked - failed, checked))
sys.exit(1 if failed or not checked else 0)
