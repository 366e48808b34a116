"""Resolves deploy/kafka/jgo.toml into jgo.lock.toml: coordinates and SHA-256 of every jar, no address.

Run by `python -m tocsin_cli.stack.lock_kafka_jars [DIRECTORY]` when the version of Kafka is raised.
"""

import sys
import tempfile
from pathlib import Path

from jgo.env import EnvironmentSpec, LockFile
from jgo.maven import MavenContext


def lock_kafka_jars(directory: Path) -> int:
    """Write `directory`/jgo.lock.toml from `directory`/jgo.toml and return the number of jars.

    Resolves and downloads into an empty temporary repository, so that what is locked is what the registry serves.
    """
    spec = EnvironmentSpec.load(directory / "jgo.toml")
    with tempfile.TemporaryDirectory() as repository:
        context = MavenContext(repo_cache=Path(repository), timeout=60)
        wanted = [context.create_dependency(coordinate) for coordinate in spec.coordinates]
        direct, transitive = context.resolver.resolve(wanted)
        dependencies = [*direct, *(item for item in transitive if item.scope in ("compile", "runtime"))]
        lock = LockFile.from_resolved_dependencies(
            sorted(dependencies, key=lambda item: (item.groupId, item.artifactId)),
            environment_name=spec.name,
            min_java_version=17,
        )
        lock.save(directory / "jgo.lock.toml")
    return len(lock.dependencies)


def main() -> int:
    """Lock the jars of the directory given, or of deploy/kafka."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "deploy/kafka")
    print(f"{lock_kafka_jars(directory)} jars locked in {directory / 'jgo.lock.toml'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
