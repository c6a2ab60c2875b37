//! Watch and cancel.

use super::{free, guard, into_handle};
use crate::monitor::Monitor;
use std::ptr;

/// Watches a run and cancels it, from any thread while the run goes on. A monitor serves one run
/// at a time, one after the other: a run resets its counts. A cancelled monitor stays cancelled. A call
/// that lists is a run without ids.
pub struct koodrive_monitor(pub(super) Monitor);

/// A new monitor; free it with koodrive_monitor_free(). NULL if it could not be made.
#[unsafe(no_mangle)]
pub extern "C" fn koodrive_monitor_new() -> *mut koodrive_monitor {
    guard(ptr::null_mut(), || {
        into_handle(koodrive_monitor(Monitor::default()))
    })
}

/// Asks the run to stop: nothing new is sent, and the delete call returns
/// KOODRIVE_ERROR_CANCELLED when the responses under way are in, for they hold the truth: after one
/// request timeout at most. A second call abandons those responses too, and their ids become
/// KOODRIVE_OUTCOME_UNKNOWN. A call that lists ends at once. Async-signal-safe. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_cancel(monitor: *const koodrive_monitor) {
    // No guard against panics: it takes a lock once, which a signal handler must not.
    // SAFETY: `monitor` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    if let Some(monitor) = unsafe { monitor.as_ref() } {
        monitor.0.cancel();
    }
}

/// How many ids of the run have their outcome by now. It stays below the total if the run stops
/// early, so let something else end a loop that watches it. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_scopes_done(monitor: *const koodrive_monitor) -> usize {
    // SAFETY: `monitor` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let monitor = unsafe { monitor.as_ref() };
    monitor.map_or(0, |monitor| monitor.0.scopes_done())
}

/// How many ids the run has; 0 before its first run, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_scopes_total(monitor: *const koodrive_monitor) -> usize {
    // SAFETY: `monitor` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let monitor = unsafe { monitor.as_ref() };
    monitor.map_or(0, |monitor| monitor.0.scopes_total())
}

/// Frees a monitor, after the call that uses it has returned. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_free(monitor: *mut koodrive_monitor) {
    // SAFETY: `monitor` is NULL, or came from `into_handle` and is given back here, once:
    // nobody uses it any more.
    guard((), || unsafe { free(monitor) });
}
