//! Watch and cancel.

use super::error::koodrive_error;
use super::event::koodrive_event;
use super::status::koodrive_status;
use super::{free, guard, guard_status, into_handle, required};
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

/// How many requests the run has sent by now, tries that failed included. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_requests_sent(monitor: *const koodrive_monitor) -> u64 {
    // SAFETY: `monitor` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let monitor = unsafe { monitor.as_ref() };
    monitor.map_or(0, |monitor| monitor.0.requests_sent())
}

/// How often a request of the run had to be sent again by now, whatever for: KOODRIVE_EVENT_RETRY. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_retries(monitor: *const koodrive_monitor) -> u64 {
    // SAFETY: `monitor` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let monitor = unsafe { monitor.as_ref() };
    monitor.map_or(0, |monitor| monitor.0.retries())
}

/// How often the service refused a request of the run for its rate by now (HTTP 429 or 503). 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_throttles(monitor: *const koodrive_monitor) -> u64 {
    // SAFETY: `monitor` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let monitor = unsafe { monitor.as_ref() };
    monitor.map_or(0, |monitor| monitor.0.throttles())
}

/// Keeps up to `capacity` events of the runs that begin from now on, for koodrive_monitor_next_event(); 0, which a
/// new monitor has: none. The oldest go first, and koodrive_monitor_events_dropped() says how many went. Events
/// that are kept by now go. An event takes some 400 bytes, and 2 KiB at the most, as long texts are cut. To be called
/// before a run.
///
/// Returns KOODRIVE_ERROR_INVALID_ARGUMENT if monitor is NULL, if capacity is more than 16777216 (2^24), or while a
/// run goes on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_keep_events(
    monitor: *mut koodrive_monitor,
    capacity: usize,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `monitor` is NULL or alive, and is not written through; `error` is NULL or a place for a pointer (the
    // header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required("monitor", monitor.cast_const())?
                .0
                .keep_events(capacity)
        })
    }
}

/// Takes the oldest event that is kept, from any thread, also while the run goes on; the caller frees it with
/// koodrive_event_free(). NULL if there is none now, and for NULL. It waits for nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_next_event(
    monitor: *const koodrive_monitor,
) -> *mut koodrive_event {
    // SAFETY: `monitor` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let monitor = unsafe { monitor.as_ref() };
    guard(ptr::null_mut(), || {
        let event = monitor.and_then(|monitor| monitor.0.next_event());
        event.map_or(ptr::null_mut(), |event| {
            into_handle(koodrive_event::new(event))
        })
    })
}

/// How many events went since koodrive_monitor_keep_events() because there was no room. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_events_dropped(
    monitor: *const koodrive_monitor,
) -> usize {
    // SAFETY: `monitor` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let monitor = unsafe { monitor.as_ref() };
    monitor.map_or(0, |monitor| monitor.0.events_dropped())
}

/// Frees a monitor, after the call that uses it has returned. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_monitor_free(monitor: *mut koodrive_monitor) {
    // SAFETY: `monitor` is NULL, or came from `into_handle` and is given back here, once:
    // nobody uses it any more.
    guard((), || unsafe { free(monitor) });
}
