//! From a socket to an answer and back: `wire` (a listener whose connections can be cut), `call` (what came and what
//! goes out), `gate` (faults, sign-in, rate limit, idempotency around every request), `routes` (the table).

pub(crate) mod call;
pub(crate) mod gate;
pub(crate) mod routes;
pub(crate) mod wire;
