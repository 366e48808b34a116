"""Runs the command or the service with timers around what happens to an article, and writes what each took.

`python -m benchmarks.classify.profile_stages OUT command|service [arguments of the command]`
"""

import json
import sys
from pathlib import Path

from benchmarks.classify.stage_clock import Stage, StageClock

_BATCH = "tocsin_classify.classify_batch"
OPENS = f"{_BATCH}:Classifier.classify_batch"

CLASSIFYING = (
    Stage("tokens and windows", f"{_BATCH}:read_article"),
    Stage("inference", "tocsin_classify.onnx_backend:OnnxBackend.infer"),
    Stage("pooling", f"{_BATCH}:pool_article"),
    Stage("abstention", f"{_BATCH}:why_abstain"),
    Stage("sentences that may be evidence", f"{_BATCH}:find_candidates"),
    Stage("choice of evidence", f"{_BATCH}:weigh_sentences"),
    Stage("places (a thread beside)", f"{_BATCH}:find_places", beside=True),
    Stage("building the message", f"{_BATCH}:tag_article"),
    Stage("the rest of classifying", OPENS),
)
COMMAND = (
    Stage("JSON in (a thread beside)", "tocsin_classify.read_article:read_article", beside=True),
    *CLASSIFYING,
    Stage("JSON out", "tocsin_contracts.classified:ClassifiedV1.model_dump_json"),
)
SERVICE = (
    Stage("JSON in", "tocsin_classify.handle_articles:decode"),
    *CLASSIFYING,
    Stage("JSON out", "tocsin_classify.handle_articles:encode"),
    Stage("headers", "tocsin_classify.handle_articles:event_headers"),
)
REST = {"command": "reading and writing lines", "service": "Kafka, Faust and waiting"}


def main() -> int:
    """Run until the end of the file or a signal, then write the seconds by stage."""
    target, what, *arguments = sys.argv[1:]
    stages = COMMAND if what == "command" else SERVICE
    clock = StageClock(OPENS)
    clock.install(stages)
    code = 0
    try:
        if what == "command":
            from tocsin_cli.main import main as run_command

            sys.argv = ["tocsin", *arguments]
            code = run_command()
        else:
            from tocsin_classify.__main__ import main as run_service

            code = run_service()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    found = {"wall_s": clock.wall_s, "seconds": clock.shares(stages, REST[what])}
    Path(target).write_text(json.dumps(found), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
