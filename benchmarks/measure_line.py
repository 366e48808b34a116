"""Time from a push to a subscriber on an idle stack, and the memory of every part.

Starts a stack of its own, pushes one article about violence at a time, each in another country so that each raises an
alert, and waits for the alert on the Redis stream as a subscriber would.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import redis

from tocsin_cli.stack.config import StackConfig
from tocsin_cli.stack.local_stack import LocalStack

RULES = """\
version: 1
rules:
  - name: violence-by-country
    group_by: place
    window: 24h
    fire_when: {stories: 1, sources: 1, level: 3}
    resolve_when: {hold: 2h}
"""

COUNTRIES = (  # noqa: SIM905 fifty quoted names would hide the script
    "Albania, Algeria, Angola, Argentina, Armenia, Austria, Azerbaijan, Bangladesh, Belarus, Belgium, Benin, Bolivia, "
    "Botswana, Brazil, Bulgaria, Burundi, Cambodia, Cameroon, Canada, Chile, Colombia, Croatia, Cuba, Cyprus, Denmark, "
    "Ecuador, Egypt, Eritrea, Estonia, Ethiopia, Finland, Gabon, Gambia, Ghana, Greece, Guatemala, Guyana, Haiti, "
    "Honduras, Hungary, Iceland, Indonesia, Iraq, Ireland, Italy, Jamaica, Kazakhstan, Kenya, Kuwait, Laos"
).split(", ")


def push(url: str, country: str, number: int) -> None:
    """Push one article about an attack and return when it is accepted."""
    article = {
        "title": f"Air strikes kill 64 in {country}",
        "text": f"Warplanes bombed towns in {country} overnight, killing 64 people, as the army's offensive went on. "
        f"Hospitals in {country} have run out of beds.",
        "url": f"https://courier.example/world/{number}",
        "source": {"name": "courier", "domain": "courier.example"},
        "published_at": datetime.now(UTC).isoformat(),
    }
    request = urllib.request.Request(
        f"{url}/v1/articles", data=json.dumps(article).encode(), headers={"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def measure_latency(stack: LocalStack, number: int) -> list[float]:
    """Return the seconds from the begin of each push to its alert at a subscriber."""
    client = redis.Redis.from_url(stack.redis_url, socket_timeout=None)
    stream, last = f"{stack.config.redis_prefix}alerts", "0"
    seconds = []
    for index, country in enumerate(COUNTRIES[:number]):
        started = time.perf_counter()
        push(stack.ingest_url, country, index)
        answer: Any = client.xread({stream: last}, block=60_000)
        if not answer:
            raise SystemExit(f"no alert came for {country} within 60 s")
        seconds.append(time.perf_counter() - started)
        entries = answer[stream.encode()][0] if isinstance(answer, dict) else answer[0][1]
        last = entries[-1][0]
        # An idle line is what is measured: the commit of this alert's offsets must not delay the next article.
        time.sleep(1.0)
    client.close()
    return seconds


def measure_memory(stack: LocalStack) -> dict[str, float]:
    """Return the resident memory of every part with its children, in MiB."""
    memory = {}
    for name in stack.config.parts:
        pid = stack.pid(name)
        if pid is not None:
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
            memory[name] = sum(member.memory_info().rss for member in family) / 2**20
    return memory


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=50, help=f"alerts to time, at most {len(COUNTRIES)}")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        rules = Path(directory) / "rules.yaml"
        rules.write_text(RULES, encoding="utf-8")
        config = StackConfig.isolated(
            Path(directory) / "state",
            topic_prefix="bench.",
            redis_prefix="bench:",
            environment={"TOCSIN_RULES_FILE": str(rules)},
        )
        with LocalStack(config, report=lambda line: print(line, file=sys.stderr)) as stack:
            seconds = measure_latency(stack, options.number)
            memory = measure_memory(stack)
    figures = {
        "alerts": len(seconds),
        "push_to_subscriber_ms": {
            "median": round(statistics.median(seconds) * 1000),
            "worst": round(max(seconds) * 1000),
        },
        "memory_mib": {name: round(value) for name, value in memory.items()},
    }
    if options.json:
        print(json.dumps(figures))
        return 0
    print(f"push to subscriber, {len(seconds)} alerts on an idle stack")
    print(f"  median {statistics.median(seconds) * 1000:6.0f} ms")
    print(f"  worst  {max(seconds) * 1000:6.0f} ms")
    print("resident memory")
    for name, value in memory.items():
        print(f"  {name:<9}{value:6.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
