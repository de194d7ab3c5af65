"""The tables of the database: those of the first version, and what each later one has changed."""

from __future__ import annotations

SCHEMA_VERSION = 7

SCHEMA = """
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, status TEXT NOT NULL, keep_alive BOOLEAN NOT NULL, persist_memory BOOLEAN NOT NULL,
    profile_id TEXT, started_at TEXT NOT NULL, finished_at TEXT
) WITHOUT ROWID;
CREATE INDEX sessions_by_time ON sessions (started_at);
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE, revision TEXT NOT NULL,
    llm TEXT NOT NULL, task TEXT NOT NULL, status TEXT NOT NULL,
    created_at TEXT NOT NULL, started_at TEXT, finished_at TEXT, output TEXT, is_success BOOLEAN, metadata JSON NOT NULL
) WITHOUT ROWID;
CREATE INDEX tasks_by_time ON tasks (created_at);
CREATE INDEX tasks_of_session ON tasks (session_id, created_at);
CREATE TABLE steps (
    task_id TEXT NOT NULL REFERENCES tasks ON DELETE CASCADE, number INTEGER NOT NULL, goal TEXT NOT NULL,
    evaluation TEXT NOT NULL, memory TEXT NOT NULL, url TEXT NOT NULL, actions JSON NOT NULL, duration REAL NOT NULL,
    has_screenshot BOOLEAN NOT NULL, PRIMARY KEY (task_id, number)
) WITHOUT ROWID;
CREATE TABLE files (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, content_type TEXT NOT NULL, is_output BOOLEAN NOT NULL,
    session_id TEXT REFERENCES sessions ON DELETE CASCADE, task_id TEXT REFERENCES tasks ON DELETE CASCADE,
    created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX files_of_task ON files (task_id);
CREATE INDEX files_of_session ON files (session_id);
CREATE TABLE profiles (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, settings JSON NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    last_used_at TEXT
) WITHOUT ROWID;
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY, task_id TEXT NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL, result TEXT NOT NULL,
    at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE shares (
    session_id TEXT PRIMARY KEY REFERENCES sessions ON DELETE CASCADE, token TEXT NOT NULL UNIQUE,
    views INTEGER NOT NULL, last_viewed_at TEXT
) WITHOUT ROWID;
"""

# What each version has more than the one before.
UPGRADES = {
    2: """
ALTER TABLE sessions ADD COLUMN reason TEXT;
CREATE TABLE notices (
    id TEXT PRIMARY KEY, task_id TEXT NOT NULL, session_id TEXT NOT NULL, revision TEXT NOT NULL, status TEXT NOT NULL,
    metadata JSON NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX notices_by_time ON notices (at);
""",
    3: """
ALTER TABLE sessions ADD COLUMN conversation_id TEXT;
CREATE INDEX sessions_of_conversation ON sessions (conversation_id);
ALTER TABLE steps ADD COLUMN at TEXT NOT NULL DEFAULT '';
CREATE TABLE workspaces (
    id TEXT PRIMARY KEY, name TEXT, archived BOOLEAN NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE conversations (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, title TEXT, keep_alive INTEGER NOT NULL, browser JSON NOT NULL,
    max_cost_usd TEXT NOT NULL, latest_run_at TEXT NOT NULL, created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX conversations_by_time ON conversations (latest_run_at);
CREATE TABLE runs (
    task_id TEXT PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    conversation_id TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, created_at TEXT NOT NULL,
    output_schema JSON, model_params JSON, attached_file_ids JSON
) WITHOUT ROWID;
CREATE INDEX runs_by_time ON runs (created_at);
CREATE INDEX runs_of_conversation ON runs (conversation_id, created_at);
""",
    4: """
CREATE TABLE workspace_files (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces ON DELETE CASCADE, path TEXT NOT NULL,
    name TEXT NOT NULL, content_type TEXT NOT NULL, size INTEGER NOT NULL, is_uploaded BOOLEAN NOT NULL,
    modified_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX files_of_workspace ON workspace_files (workspace_id, path);
""",
    5: """
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, conversation_id TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, run_id TEXT,
    mode TEXT NOT NULL, status TEXT NOT NULL, text TEXT NOT NULL, attached_file_ids JSON, created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX messages_by_status ON messages (status, conversation_id);
""",
    6: """
CREATE TABLE conversation_shares (
    conversation_id TEXT PRIMARY KEY REFERENCES conversations ON DELETE CASCADE, id TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE, is_active BOOLEAN NOT NULL, views INTEGER NOT NULL, created_at TEXT NOT NULL
) WITHOUT ROWID;
""",
    7: """
ALTER TABLE tasks ADD COLUMN input_tokens INTEGER;
ALTER TABLE tasks ADD COLUMN output_tokens INTEGER;
""",
}
