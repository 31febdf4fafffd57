-- What lives in a row is the same versioned record as in the embedded store, with the columns beside it that preconditions,
-- lists and sweeps need. Times are Unix seconds. Everything that is compared is compared by its bytes.

CREATE TABLE gateway (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    -- The last migration that was made.
    schema integer NOT NULL,
    -- A program that does not know this migration must not run on it.
    oldest integer NOT NULL,
    -- The version of records that is written: a program that does not read it must not run.
    writes integer NOT NULL DEFAULT 1,
    -- Wrapped with storage.key_file.
    master bytea,
    key_generation bigint NOT NULL DEFAULT 0,
    rp_id text COLLATE "C",
    -- The latest use of a session that was ever written down: where that is to come, a clock was ahead.
    latest_use bigint NOT NULL DEFAULT 0
);
INSERT INTO gateway (schema, oldest) VALUES (0, 1);

CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    email text COLLATE "C" NOT NULL UNIQUE,
    disabled boolean NOT NULL,
    record bytea NOT NULL
);

CREATE TABLE passkeys (
    id bytea PRIMARY KEY,
    account uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    counter bigint NOT NULL,
    created_at bigint NOT NULL,
    record bytea NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX passkeys_by_account ON passkeys (account, created_at, id);

CREATE TABLE sessions (
    token bytea PRIMARY KEY,
    account uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    -- The members of a family go with their head.
    head bytea REFERENCES sessions ON DELETE CASCADE,
    credential bytea,
    created_at bigint NOT NULL,
    -- What counts: the record keeps what it was made with. In no index, so that writing it down touches none.
    last_seen_at bigint NOT NULL,
    -- The last use that a sweep knows of: one that is recent needs no look.
    looked_at bigint NOT NULL,
    record bytea NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX sessions_by_account ON sessions (account);
CREATE INDEX sessions_by_head ON sessions (head) WHERE head IS NOT NULL;
CREATE INDEX sessions_by_creation ON sessions (created_at);
-- A member of a family is idle when its head is.
CREATE INDEX sessions_by_look ON sessions (looked_at) WHERE head IS NULL;

CREATE TABLE token_families (
    session bytea PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    revision bigint NOT NULL,
    record bytea NOT NULL
);
CREATE TABLE refresh_tokens (
    token bytea PRIMARY KEY,
    session bytea NOT NULL REFERENCES token_families ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session);

CREATE TABLE ceremonies (
    id uuid PRIMARY KEY,
    expires_at bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX ceremonies_by_expiry ON ceremonies (expires_at);

CREATE TABLE registrations (
    browser bytea PRIMARY KEY,
    revision bigint NOT NULL,
    email text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX registrations_by_email ON registrations (email);
CREATE INDEX registrations_by_expiry ON registrations (expires_at);

CREATE TABLE links (
    id uuid PRIMARY KEY,
    revision bigint NOT NULL,
    scan_code bytea NOT NULL,
    short_code bytea NOT NULL,
    offered_by uuid,
    approved_by uuid,
    expires_at bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX links_by_offer ON links (offered_by) WHERE offered_by IS NOT NULL;
CREATE INDEX links_by_approval ON links (approved_by) WHERE approved_by IS NOT NULL;
CREATE INDEX links_by_expiry ON links (expires_at);
-- A code leads to one link, whichever of its two it is.
CREATE TABLE link_codes (
    code bytea PRIMARY KEY,
    link uuid NOT NULL REFERENCES links ON DELETE CASCADE
);
CREATE INDEX link_codes_by_link ON link_codes (link);

CREATE TABLE recoveries (
    browser bytea PRIMARY KEY,
    revision bigint NOT NULL,
    -- An account, or the stand-in of an address that has none.
    owner uuid NOT NULL,
    email text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX recoveries_by_owner ON recoveries (owner);
CREATE INDEX recoveries_by_email ON recoveries (email);
CREATE INDEX recoveries_by_expiry ON recoveries (expires_at);

CREATE TABLE holds (
    account uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    id uuid NOT NULL,
    expires_at bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX holds_by_expiry ON holds (expires_at);

CREATE TABLE moves (
    account uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    id uuid NOT NULL,
    revision bigint NOT NULL,
    -- Whether a code for another address is out.
    asked boolean NOT NULL,
    -- The address that is kept for the account, once it has another.
    former text COLLATE "C",
    expires_at bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX moves_by_former ON moves (former) WHERE former IS NOT NULL;
CREATE INDEX moves_by_expiry ON moves (expires_at);

CREATE TABLE admin_codes (
    account uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    digest bytea NOT NULL,
    expires_at bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX admin_codes_by_expiry ON admin_codes (expires_at);

CREATE TABLE bookmarks (
    name bytea PRIMARY KEY,
    expires_at bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX bookmarks_by_expiry ON bookmarks (expires_at);

CREATE TABLE invitations (
    email text COLLATE "C" PRIMARY KEY,
    id uuid NOT NULL,
    record bytea NOT NULL
);

CREATE TABLE events (
    id uuid PRIMARY KEY,
    account uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    at bigint NOT NULL,
    expires_at bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX events_by_account ON events (account, at DESC, id DESC);
CREATE INDEX events_by_expiry ON events (expires_at);

CREATE TABLE letters (
    id uuid PRIMARY KEY,
    due_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX letters_by_due ON letters (due_at, id);
CREATE INDEX letters_by_expiry ON letters (expires_at);

-- Logged: one that a fail-over emptied would let a guesser of codes start anew.
CREATE TABLE counters (
    name bytea PRIMARY KEY,
    count bigint NOT NULL,
    ends_at bigint NOT NULL
);
CREATE INDEX counters_by_end ON counters (ends_at);

CREATE TABLE signing_keys (
    kid text COLLATE "C" PRIMARY KEY,
    created_at bigint NOT NULL,
    -- Wrapped with storage.key_file.
    record bytea NOT NULL
);

-- What the other gateways are to hear of a commit, written with it and kept for an hour. No personal data.
CREATE TABLE changes (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The gateway that made it, by a name that it has while it runs: it knows already.
    origin uuid NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text COLLATE "C" NOT NULL,
    subject bytea NOT NULL
);
CREATE INDEX changes_by_transaction ON changes (xid);
CREATE INDEX changes_by_time ON changes (at);

-- The gateways that run, each as it wrote itself down a moment ago.
CREATE TABLE nodes (
    -- The name that it has while it runs, as in changes.origin.
    id uuid PRIMARY KEY,
    -- Its host and process, for people.
    name text NOT NULL,
    program text NOT NULL,
    -- The last migration that it knows, and the version of records that it reads.
    schema integer NOT NULL,
    reads integer NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Until when it may go on with the sessions that it knows, should it not come to write again.
    until timestamptz NOT NULL,
    -- What transactions before this one told is in force there.
    applied xid8 NOT NULL
) WITH (fillfactor = 50);

-- What one gateway does for all. It is thrift: whatever is done under a lease may be done twice.
CREATE TABLE leases (
    name text COLLATE "C" PRIMARY KEY,
    holder uuid NOT NULL,
    until timestamptz NOT NULL
);

-- How much each network has asked of all gateways. Emptied by a crash, which lets a network ask a little more.
CREATE UNLOGGED TABLE buckets (
    -- A keyed digest, of what is counted too.
    name bytea PRIMARY KEY,
    taken bigint NOT NULL,
    -- What of it has not leaked out again at that time.
    level double precision NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
CREATE INDEX buckets_by_time ON buckets (at);
