//! What a client is built from.

use std::ffi::c_char;
use std::ptr;

use super::error::koodrive_error;
use super::status::koodrive_status;
use super::{free, guard, guard_status, into_handle, required_mut, required_text};
use crate::config::Config;

/// What a client is built from: fill it, build clients with koodrive_client_new(), free it. Each
/// setter checks its value and copies it; it returns KOODRIVE_ERROR_INVALID_ARGUMENT if the value
/// breaks its rule or an argument is NULL, and the config is as it was. An endpoint and one of the
/// three authorizations must be set; of the authorizations the last one set counts.
pub struct koodrive_config(pub(super) Config);

/// A new config with the default limits and nothing else; free it with koodrive_config_free().
/// NULL if it could not be made.
#[unsafe(no_mangle)]
pub extern "C" fn koodrive_config_new() -> *mut koodrive_config {
    guard(ptr::null_mut(), || {
        into_handle(koodrive_config(Config::new()))
    })
}

/// Takes what these environment variables say; of those that are not set or empty nothing changes:
/// KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN, KOODRIVE_AUTHORIZATION,
/// KOODRIVE_APP_ID with KOODRIVE_APP_SECRET, KOODRIVE_CA_FILE, KOODRIVE_PROXY,
/// KOODRIVE_CONNECT_TIMEOUT_MS, KOODRIVE_REQUEST_TIMEOUT_MS, KOODRIVE_RUN_TIMEOUT_MS,
/// KOODRIVE_MAX_OUTAGE_MS, KOODRIVE_MAX_ATTEMPTS, KOODRIVE_MAX_CONNECTIONS,
/// KOODRIVE_MAX_REQUESTS_PER_SECOND.
///
/// Each follows the rule of its setter; more than one authorization is an error. Returns
/// KOODRIVE_ERROR_INVALID_ARGUMENT, names the variable, and nothing has changed. No other thread
/// may change the environment meanwhile (setenv(3)).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_load_env(
    config: *mut koodrive_config,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `error` is NULL or a
    // place for a pointer (the header, CONVENTIONS).
    unsafe { guard_status(error, || required_mut("config", config)?.0.load_env()) }
}

/// The service's address: https://host or https://host:port, such as
/// "https://intl.myhuaweicloud-koodrive.com". No user info, path, query or fragment. Plain http is
/// accepted for loopback addresses and localhost only. A single "/" at the end is ignored. There is no
/// default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_endpoint(
    config: *mut koodrive_config,
    url: *const c_char,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `url` is NULL or ends
    // with a NUL; `error` is NULL or a place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let url = required_text("endpoint", url)?;
            required_mut("config", config)?.0.set_endpoint(url)
        })
    }
}

/// The user that ids added with a NULL user belong to; sent as X-User-Id. 1 to 8000 bytes without
/// control characters, not beginning or ending with a space. No default: without it every
/// koodrive_plan_add() must name a user.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_user_id(
    config: *mut koodrive_config,
    user_id: *const c_char,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `user_id` is NULL or
    // ends with a NUL; `error` is NULL or a place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let user_id = required_text("user_id", user_id)?;
            required_mut("config", config)?.0.set_user_id(user_id)
        })
    }
}

/// Authorize by access token: requests carry "Authorization: Bearer <token>" (RFC 6750). 1 to 8000
/// visible ASCII characters or spaces, not beginning or ending with a space. A token expires after 20
/// minutes without a request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_access_token(
    config: *mut koodrive_config,
    token: *const c_char,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `token` is NULL or ends
    // with a NUL; `error` is NULL or a place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let token = required_text("access_token", token)?;
            required_mut("config", config)?.0.set_access_token(token)
        })
    }
}

/// Authorize by this value of the Authorization header, sent as it is: 1 to 8000 visible ASCII
/// characters or spaces, not beginning or ending with a space. For deployments that expect another
/// form than "Bearer <token>".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_authorization(
    config: *mut koodrive_config,
    value: *const c_char,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `value` is NULL or ends
    // with a NUL; `error` is NULL or a place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let value = required_text("authorization", value)?;
            required_mut("config", config)?.0.set_authorization(value)
        })
    }
}

/// Authorize as an application: every request is signed with HMAC-SHA256 under the AppSecret, which
/// itself is never sent. app_id: 1 to 8000 visible ASCII characters or spaces, not beginning or
/// ending with a space; app_secret: not empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_app_credentials(
    config: *mut koodrive_config,
    app_id: *const c_char,
    app_secret: *const c_char,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `app_id` and
    // `app_secret` are NULL or end with a NUL; `error` is NULL or a place for a pointer (the
    // header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let id = required_text("app_id", app_id)?;
            let secret = required_text("app_secret", app_secret)?;
            required_mut("config", config)?
                .0
                .set_app_credentials(id, secret)
        })
    }
}

/// Trust the certificates in this PEM file (RFC 7468) instead of the platform's. The file is read now:
/// a regular file of at most 16 MiB that holds at least one certificate. A byte order mark at its
/// beginning is skipped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_ca_file(
    config: *mut koodrive_config,
    path: *const c_char,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `path` is NULL or ends
    // with a NUL; `error` is NULL or a place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let path = required_text("ca_file", path)?;
            required_mut("config", config)?.0.set_ca_file(path)
        })
    }
}

/// Reach the service through an HTTP proxy: http://[user:password@]host[:port], which opens tunnels
/// (CONNECT). Without this call there is none: the environment's proxy variables are not read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_proxy(
    config: *mut koodrive_config,
    url: *const c_char,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `url` is NULL or ends
    // with a NUL; `error` is NULL or a place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let url = required_text("proxy", url)?;
            required_mut("config", config)?.0.set_proxy(url)
        })
    }
}

/// How long name look-up, TCP, proxy and TLS may take together, in milliseconds: 1 to 31536000000
/// (a year). Default 10000.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_connect_timeout_ms(
    config: *mut koodrive_config,
    milliseconds: u64,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `error` is NULL or a
    // place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_mut("config", config)?
                .0
                .set_connect_timeout_ms(milliseconds)
        })
    }
}

/// How long one request may take from its first byte sent to its whole response, in milliseconds: 1 to
/// 31536000000 (a year). Default 30000.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_request_timeout_ms(
    config: *mut koodrive_config,
    milliseconds: u64,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `error` is NULL or a
    // place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_mut("config", config)?
                .0
                .set_request_timeout_ms(milliseconds)
        })
    }
}

/// After how many milliseconds a run starts nothing new, 0 to 31536000000 (a year); it then waits for
/// the responses under way, at most one request timeout. Default 0: never.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_run_timeout_ms(
    config: *mut koodrive_config,
    milliseconds: u64,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `error` is NULL or a
    // place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_mut("config", config)?
                .0
                .set_run_timeout_ms(milliseconds)
        })
    }
}

/// How long a run waits for a service that worked and does not any more, in milliseconds: 0 (not at all) to
/// 31536000000 (a year). Default 60000. After that time without one success, throttled requests included,
/// the run stops. It also bounds the pauses that the service may ask for (Retry-After, RFC 9110, 10.2.3): a
/// longer one stops the run. A service that never answered a run with a success is not waited for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_max_outage_ms(
    config: *mut koodrive_config,
    milliseconds: u64,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `error` is NULL or a
    // place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_mut("config", config)?
                .0
                .set_max_outage_ms(milliseconds)
        })
    }
}

/// How often a request is tried in all if failures may pass: 1 to 100. Default 4. Not counted are requests
/// that were throttled (HTTP 429; 503, once the run has had a success) and those of an outage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_max_attempts(
    config: *mut koodrive_config,
    attempts: u32,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `error` is NULL or a
    // place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_mut("config", config)?.0.set_max_attempts(attempts)
        })
    }
}

/// How many connections each run uses at most, and so how many requests are under way at once: 1 to
/// 1024. Default 4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_max_connections(
    config: *mut koodrive_config,
    connections: u32,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `error` is NULL or a
    // place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_mut("config", config)?
                .0
                .set_max_connections(connections)
        })
    }
}

/// How many requests a second all runs of a client send together; 0: as many as they can. Default 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_set_max_requests_per_second(
    config: *mut koodrive_config,
    requests: u32,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and this thread alone uses it; `error` is NULL or a
    // place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_mut("config", config)?
                .0
                .set_max_requests_per_second(requests)
        })
    }
}

/// Frees a config. Clients that were built from it are not affected. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_config_free(config: *mut koodrive_config) {
    // SAFETY: `config` is NULL, or came from `into_handle` and is given back here, once: nobody
    // uses it any more.
    guard((), || unsafe { free(config) });
}
