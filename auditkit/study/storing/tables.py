"""The tables of a running study. Moments are microseconds since 1970 in UTC: the same in every database."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

SCHEMA_VERSION = "1"

SCHEMA = MetaData()

META = Table(
    "study_meta",
    SCHEMA,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

STATE = Table(
    "study_state",
    SCHEMA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("phase", String(20), nullable=False),
    Column("closed_at", BigInteger),
)

PEOPLE = Table(
    "study_people",
    SCHEMA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("simulated", Boolean, nullable=False),
)

INVITATIONS = Table(
    "study_invitations",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("person", ForeignKey(PEOPLE.c.id), nullable=False, index=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("expires", BigInteger, nullable=False),
    Column("ended", Boolean, nullable=False, server_default=false()),
)

SESSIONS = Table(
    "study_sessions",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("person", ForeignKey(PEOPLE.c.id), nullable=False, index=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("expires", BigInteger, nullable=False),
    Column("ended", Boolean, nullable=False, server_default=false()),
)

TASKS = Table(
    "study_tasks",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("slug", String(40), nullable=False, unique=True),
    Column("person", ForeignKey(PEOPLE.c.id), nullable=False),
    Column("phase", String(20), nullable=False),
    Column("sitting", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("showing", String(20), nullable=False),
    Column("item", Text, nullable=False),
    Column("pictures", String(40), nullable=False),
    Column("revisions", Integer, nullable=False, server_default="0"),
    Column("in_force", Integer, nullable=False, server_default="0"),
    Column("done", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("person", "phase", "place"),
    # What is next is the first entry of a range of this index, however many tasks there are.
    Index("study_tasks_next", "person", "phase", "done", "place"),
    Index("study_tasks_sittings", "person", "phase", "sitting", "place"),
)

PROGRESS = Table(
    "study_progress",
    SCHEMA,
    Column("person", ForeignKey(PEOPLE.c.id), primary_key=True),
    Column("phase", String(20), primary_key=True),
    Column("done", Integer, nullable=False),
    Column("tasks", Integer, nullable=False),
)

REVISIONS = Table(
    "study_revisions",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("task", ForeignKey(TASKS.c.id), nullable=False),
    Column("number", Integer, nullable=False),
    Column("person", ForeignKey(PEOPLE.c.id), nullable=False),
    Column("nonce", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("submitted", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("seconds", Float(53)),
    UniqueConstraint("task", "number"),
    UniqueConstraint("person", "nonce"),
)

TEXTS = Table(
    "study_texts",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("category", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("written", Text, nullable=False),
    Column("answers", Integer, nullable=False),
)

GROUPINGS = Table(
    "study_groupings",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("person", ForeignKey(PEOPLE.c.id), nullable=False),
    Column("category", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("attribute", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

AGREEMENTS = Table(
    "study_agreements",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("person", ForeignKey(PEOPLE.c.id), nullable=False),
    Column("state", String(64), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
)

TRAIL = Table(
    "study_trail",
    SCHEMA,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("person", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", Text, nullable=False),
)
