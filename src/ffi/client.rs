//! What carries out plans and lists what there is.

use std::ffi::c_char;

use super::config::koodrive_config;
use super::devices::koodrive_devices;
use super::error::koodrive_error;
use super::monitor::koodrive_monitor;
use super::plan::koodrive_plan;
use super::result::koodrive_result;
use super::scopes::koodrive_scopes;
use super::status::koodrive_status;
use super::{
    free, guard, guard_status, into_handle, native, optional_text, required, required_out,
    required_path, required_text, scope_ids, write_out,
};
use crate::client::Client;
use crate::error::Error;
use crate::report::Report;

/// Lists and deletes. Any number of threads may use a client at once. Between calls it keeps idle connections,
/// and no threads but one for a name look-up that the system's resolver never returns from. A
/// connection that has rested for 15 seconds is not used, and closed by the next call or with the
/// client.
pub struct koodrive_client(Client);

/// Builds a client. Nothing is connected or sent.
///
/// On success *client is the new client, which the caller frees with koodrive_client_free(); else
/// it is NULL. Returns KOODRIVE_ERROR_INVALID_ARGUMENT if the config holds no endpoint or no
/// authorization, or a proxy through which plain http would leave this machine, or an argument is
/// NULL. The config may be freed afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_client_new(
    config: *const koodrive_config,
    client: *mut *mut koodrive_client,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `config` is NULL or alive, and nothing writes to it during the call; `client` and
    // `error` are NULL or places for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_out("client", client)?;
            native::stay_loaded();
            let built = Client::new(&required("config", config)?.0)?;
            write_out(client, into_handle(koodrive_client(built)));
            Ok(())
        })
    }
}

/// Requests from now on carry this access token in place of any authorization before, those of runs
/// under way included. The rule and the error are those of koodrive_config_set_access_token().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_client_set_access_token(
    client: *const koodrive_client,
    token: *const c_char,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `client` is NULL or alive, and nothing writes to it during the call; `token` is
    // NULL or ends with a NUL; `error` is NULL or a place for a pointer (the header,
    // CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let token = required_text("access_token", token)?;
            required("client", client)?.0.set_access_token(token)
        })
    }
}

/// Requests from now on carry this value of the Authorization header in place of any authorization
/// before, those of runs under way included. The rule and the error are those of
/// koodrive_config_set_authorization().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_client_set_authorization(
    client: *const koodrive_client,
    value: *const c_char,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `client` is NULL or alive, and nothing writes to it during the call; `value` is
    // NULL or ends with a NUL; `error` is NULL or a place for a pointer (the header,
    // CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let value = required_text("authorization", value)?;
            required("client", client)?.0.set_authorization(value)
        })
    }
}

/// Lists the devices of a user (the API reference's listBoundDevice). Blocks until the list is whole. Nothing is
/// changed at the service.
///
/// user_id: as for koodrive_plan_add(); NULL means that of the config.
/// monitor: cancels the call from other threads, also while a response is awaited; may be NULL. Its counts stay
/// 0.
///
/// On success *devices is the list, which may be empty, and which the caller frees with koodrive_devices_free().
/// A list is whole or there is none: whatever the error, *devices is NULL. Requests are sent, paced and tried
/// again as those of a run are, under the same settings. The error holds the service's code and words, if it gave
/// any. Returns
///
/// - KOODRIVE_ERROR_INVALID_ARGUMENT: an argument breaks its rule, user_id is NULL and the config has none, or
///   the monitor watches a run. Nothing was sent.
/// - KOODRIVE_ERROR_CANCELLED: the monitor was cancelled.
/// - KOODRIVE_ERROR_TIMED_OUT: the run timeout passed, or the last attempt took longer than a request may.
/// - KOODRIVE_ERROR_UNAUTHORIZED: HTTP 401.
/// - KOODRIVE_ERROR_SERVICE: the service refused the request, such as for a user that it does not know, or failed.
/// - KOODRIVE_ERROR_INVALID_RESPONSE: the answer is none of the service's, longer than 64 MiB, or holds an id that
///   no plan would accept.
/// - KOODRIVE_ERROR_UNREACHABLE, KOODRIVE_ERROR_INTERNAL: as for koodrive_client_delete_plan().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_client_list_devices(
    client: *const koodrive_client,
    user_id: *const c_char,
    monitor: *const koodrive_monitor,
    devices: *mut *mut koodrive_devices,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `client` and `monitor` are NULL or alive, and nothing writes to them during the call; `user_id` is
    // NULL or ends with a NUL; `devices` and `error` are NULL or places for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_out("devices", devices)?;
            let client = required("client", client)?;
            let user = optional_text("user_id", user_id)?;
            let monitor = monitor.as_ref().map(|monitor| &monitor.0);
            let listed = client.0.list_devices(user, monitor)?;
            write_out(devices, into_handle(koodrive_devices(listed)));
            Ok(())
        })
    }
}

/// Lists the scopes that a device backs up (the API reference's listBackupScope). Blocks until the list is whole.
/// Nothing is changed at the service.
///
/// user_id, monitor: as for koodrive_client_list_devices(). device_id: as for koodrive_plan_add().
/// module_code: which kind: "100" folders, "101" albums, "102" address books, or another one that the service may
/// have by now, of 1 to 16 visible ASCII characters. NULL means all three, one request each.
///
/// On success *scopes is the list, which may be empty, and which the caller frees with koodrive_scopes_free();
/// else it is NULL. Returns what koodrive_client_list_devices() does; KOODRIVE_ERROR_INVALID_RESPONSE also if the
/// answer names a scope of another module than was asked for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_client_list_scopes(
    client: *const koodrive_client,
    user_id: *const c_char,
    device_id: *const c_char,
    module_code: *const c_char,
    monitor: *const koodrive_monitor,
    scopes: *mut *mut koodrive_scopes,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `client` and `monitor` are NULL or alive, and nothing writes to them during the call; `user_id`,
    // `device_id` and `module_code` are NULL or end with a NUL; `scopes` and `error` are NULL or places for a
    // pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_out("scopes", scopes)?;
            let client = required("client", client)?;
            let user = optional_text("user_id", user_id)?;
            let device = required_text("device_id", device_id)?;
            let module = optional_text("module_code", module_code)?;
            let monitor = monitor.as_ref().map(|monitor| &monitor.0);
            let listed = client.0.list_scopes(user, device, module, monitor)?;
            write_out(scopes, into_handle(koodrive_scopes::new(listed)));
            Ok(())
        })
    }
}

/// Deletes scopes of one device of the config's user: koodrive_plan_add() and
/// koodrive_client_delete_plan() in one call, with the rules and statuses of both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_client_delete_scopes(
    client: *const koodrive_client,
    device_id: *const c_char,
    scope_ids: *const *const c_char,
    count: usize,
    monitor: *const koodrive_monitor,
    result: *mut *mut koodrive_result,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `client` is NULL or alive, and nothing writes to it during the call; `monitor` is
    // NULL or alive, and nothing writes to it during the call; `device_id` is NULL or ends with
    // a NUL; `scope_ids` is NULL or holds `count` such texts; `result` and `error` are NULL or
    // places for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_out("result", result)?;
            let client = required("client", client)?;
            let device = required_text("device_id", device_id)?;
            let ids = self::scope_ids(scope_ids, count)?;
            let monitor = monitor.as_ref().map(|monitor| &monitor.0);
            deliver(
                result,
                client.0.delete_scopes(device, ids.into_iter(), monitor)?,
            )
        })
    }
}

/// Deletes what a plan holds. Blocks until every id has its outcome.
///
/// monitor: watches and cancels this run from other threads; may be NULL.
///
/// *result is what became of each id; the caller frees it with koodrive_result_free(). It is there
/// whatever the status, unless the call was refused before its run began: then it is NULL and
/// nothing was sent. An empty plan is a run with nothing to do: KOODRIVE_OK and an empty result.
///
/// Returns KOODRIVE_OK if every id got its outcome from a response that reports success, or repeats
/// an id before it; single ids may still have failed, see koodrive_result_next_failure().
/// Otherwise the first of these that applies:
///
/// - KOODRIVE_ERROR_INVALID_ARGUMENT: refused before the run: an argument is NULL, ids have no user
///   and the config has none, or the monitor watches another run. *result is NULL.
/// - KOODRIVE_ERROR_CANCELLED: the monitor was cancelled before all was done.
/// - KOODRIVE_ERROR_TIMED_OUT: the run timeout passed.
/// - KOODRIVE_ERROR_UNAUTHORIZED: HTTP 401, which stops the run.
/// - KOODRIVE_ERROR_INTERNAL: a bug in the library stopped the run.
/// - KOODRIVE_ERROR_UNREACHABLE, KOODRIVE_ERROR_TIMED_OUT (of a request),
///   KOODRIVE_ERROR_INVALID_RESPONSE or KOODRIVE_ERROR_SERVICE: what kept the first id without an outcome
///   of its own from getting one.
///
/// A run ends early only if it is cancelled; at its run timeout; at a 401; after 20 requests in a row
/// that were refused as a whole; if the service, once it had answered this run, was down or throttled
/// it for longer than koodrive_config_set_max_outage_ms() allows, or asks for a longer pause
/// (Retry-After, RFC 9110, 10.2.3); and if it never answered this run, one request used up its
/// attempts and another one failed, too.
///
/// *error says the same in words. For everything but INVALID_ARGUMENT, run
/// koodrive_result_unfinished() when the cause is gone, unless it is empty: then nothing of this
/// result would change.
///
/// If the service rejects a request's parameters (HTTP 400 with code 13000102), the request is halved
/// until the guilty id stands alone, with at most 30 extra requests for each request of 100.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_client_delete_plan(
    client: *const koodrive_client,
    plan: *const koodrive_plan,
    monitor: *const koodrive_monitor,
    result: *mut *mut koodrive_result,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `client` is NULL or alive, and nothing writes to it during the call; `plan` is
    // NULL or alive, and nothing writes to it during the call; `monitor` is NULL or alive, and
    // nothing writes to it during the call; `result` and `error` are NULL or places for a
    // pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_out("result", result)?;
            let client = required("client", client)?;
            let plan = required("plan", plan)?;
            let monitor = monitor.as_ref().map(|monitor| &monitor.0);
            deliver(result, client.0.delete_plan(&plan.0, monitor)?)
        })
    }
}

/// Deletes what a plan holds, as koodrive_client_delete_plan() does, and writes down what it does in
/// a file, the journal. The same call with the same plan and file resumes a run that ended in any
/// way, also by kill or loss of power: ids with a final outcome keep it and are not sent again, ids
/// that may have been sent begin as UNKNOWN, and the result is that of the whole plan. If all is
/// final already, nothing is sent. Final are DELETED, NOT_FOUND, GONE, DUPLICATE and what was refused
/// for good: all that koodrive_result_unfinished() leaves out.
///
/// journal_path: a regular file; it is made if it is not there, and only its owner may read it then
/// (0600; on Windows, whom its folder lets). It is locked (flock(2)) while the run goes on; on Windows
/// nobody can write to it, delete or rename it then. Before an id is sent it is safe on the disk
/// (fdatasync(2), FlushFileBuffers) that it may have been. It holds the ids, and never a secret. One
/// JSON object stands on each line: src/journal/FORMAT.md describes them. All later versions of the
/// library read it.
///
/// The rest is as for koodrive_client_delete_plan(): *result, statuses, monitor. But after an
/// incomplete run call it again with the whole plan, not with koodrive_result_unfinished().
/// koodrive_result_request_count() counts the requests of this call only. And:
///
/// - KOODRIVE_ERROR_INVALID_ARGUMENT also if the file can't be opened and written, is in use by
///   another run, is no journal, belongs to another plan (other ids, devices or users, or another
///   order) or endpoint, is of a newer format, or is damaged. The message says which, and the file is
///   as it was. What a crash left of its last lines is no damage: it is cut off.
/// - KOODRIVE_ERROR_JOURNAL if it can't be written during the run, such as on a full disk, or was
///   deleted or cut meanwhile, which is noticed about ten times a second: from then on nothing was
///   sent; *result is there and true. It comes after CANCELLED, TIMED_OUT (of the run) and
///   UNAUTHORIZED where several apply.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_client_delete_plan_journaled(
    client: *const koodrive_client,
    plan: *const koodrive_plan,
    journal_path: *const c_char,
    monitor: *const koodrive_monitor,
    result: *mut *mut koodrive_result,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `client`, `plan` and `monitor` are NULL or alive, and nothing writes to them during the call;
    // `journal_path` is NULL or ends with a NUL; `result` and `error` are NULL or places for a pointer (the
    // header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_out("result", result)?;
            let client = required("client", client)?;
            let plan = required("plan", plan)?;
            let path = required_path("journal_path", journal_path)?;
            let monitor = monitor.as_ref().map(|monitor| &monitor.0);
            deliver(
                result,
                client.0.delete_plan_journaled(&plan.0, path, monitor)?,
            )
        })
    }
}

/// Hands out the report, and the error beside it.
///
/// # Safety
/// `place` points to where a pointer may be written.
unsafe fn deliver(
    place: *mut *mut koodrive_result,
    (report, error): (Report, Option<Error>),
) -> Result<(), Error> {
    // SAFETY: the caller's promise.
    unsafe { write_out(place, into_handle(koodrive_result(report.into()))) };
    error.map_or(Ok(()), Err)
}

/// Frees a client and closes its idle connections. No call may be using it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_client_free(client: *mut koodrive_client) {
    // SAFETY: `client` is NULL, or came from `into_handle` and is given back here, once: nobody
    // uses it any more.
    guard((), || unsafe { free(client) });
}
