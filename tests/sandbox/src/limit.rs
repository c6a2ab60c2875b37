//! A gateway's limit on the rate of requests: a token bucket.

use std::time::Instant;

use serde::Deserialize;

/// How many requests a gateway lets pass; it answers the others with 429 and does not execute them.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Requests a second, in the long run.
    pub per_second: f64,
    /// How many may come at once.
    #[serde(default = "one")]
    pub burst: f64,
    /// The `Retry-After` header of the others.
    #[serde(default)]
    pub retry_after: Option<String>,
}

fn one() -> f64 {
    1.0
}

/// The bucket of a limit.
pub(crate) struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    /// A full one.
    pub fn new(limit: &RateLimit) -> Self {
        Self {
            tokens: limit.burst,
            filled_at: Instant::now(),
        }
    }

    /// Whether a request that comes now may pass.
    pub fn admit(&mut self, limit: &RateLimit) -> bool {
        let now = Instant::now();
        let new = (now - self.filled_at).as_secs_f64() * limit.per_second;
        self.filled_at = now;
        self.tokens = (self.tokens + new).min(limit.burst);
        let may_pass = self.tokens >= 1.0;
        if may_pass {
            self.tokens -= 1.0;
        }
        may_pass
    }
}
