"""Brings a database's schema to the one that this code knows; refuses one that is newer.

The caller holds a transaction that keeps other gateways out. alembic's own commands work through
globals of the process, which two stores that open at once would share; what they call does not.
"""

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection

from gateway.settings.values import ConfigurationError

VERSION_TABLE = "a2a_schema"


def migrate(connection: Connection) -> None:
    """Raises ConfigurationError where a newer gateway made the schema."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    known = {script.revision for script in scripts.walk_revisions()}

    def steps(heads: str | Iterable[str], _: MigrationContext) -> list[RevisionStep]:
        current = tuple([heads] if isinstance(heads, str) else heads)
        if not known.issuperset(current):
            raise ConfigurationError(
                "store: a newer a2a-gateway made its tables; run that version or newer, or use another store"
            )
        missing = list(scripts.iterate_revisions("head", current or "base"))
        return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in reversed(missing)]

    context = MigrationContext.configure(connection, opts={"fn": steps, "version_table": VERSION_TABLE})
    context.run_migrations(operations=Operations(context))
